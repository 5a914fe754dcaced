# ims-launch in a container: docker build -t ims-launch . && docker run --network host ims-launch
# Media needs the host's network, or the whole range published: -p 5060:5060/udp -p 10000-20000:10000-20000/udp with
# SERVER_ADDR set to the address that phones reach.
FROM node:20-slim AS build
WORKDIR /app
# The manifest first: as long as it is the same, the dependencies come from the cache.
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:20-slim
# tini is PID 1: it reaps orphans, which Node does not.
RUN apt-get update \
  && apt-get install -y --no-install-recommends tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/build/src ./build/src
COPY --from=build /app/config ./config
COPY --from=build /app/scripts/docker-entrypoint.sh ./scripts/docker-entrypoint.sh
RUN mkdir data && chown node:node data
USER node
ENV NODE_ENV=production
VOLUME /app/data
EXPOSE 5060/udp 10000-20000/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
  CMD ["node", "build/src/bin/ims-launch.js", "health"]
# Never npm or npx here: they do not pass signals on. Without tini: ENTRYPOINT ["/app/scripts/docker-entrypoint.sh"]
ENTRYPOINT ["/usr/bin/tini", "--", "node", "/app/build/src/bin/ims-launch.js"]
