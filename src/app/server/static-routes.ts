import { lookup } from 'node:dns/promises';
import type { Log } from '../../observe/log.ts';
import { parseHostPort } from '../../sip/message/uri.ts';
import type { StaticRoute } from '../../sip/methods/directory.ts';
import type { Flow, FlowTransport } from '../../sip/transaction/flow.ts';
import { familyOf, formatTransportAddress, type TransportAddress } from '../../wire/ip-address.ts';

export interface RouteOption {
  readonly prefix: string;
  readonly target: string;
  readonly transport: FlowTransport;
}

type FlowTo = (remote: TransportAddress, transport: FlowTransport) => Flow | undefined;

/** How often host names of routes are looked up again. */
const REFRESH_MS = 60_000;

const SIP_PORT = 5060;
const DEFAULT_PORTS: Partial<Record<FlowTransport, number>> = { tls: 5061 };

/**
 * Keeps the static routes' host names resolved. A name that does not resolve keeps its last address, or has no
 * route until it does; it is warned about once.
 */
export class StaticRoutes {
  readonly #options: readonly RouteOption[];
  readonly #flowTo: FlowTo;
  readonly #onChange: (routes: readonly StaticRoute[]) => void;
  readonly #log: Log;
  readonly #addresses = new Map<string, string>();
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly routes: readonly RouteOption[];
    /** Undefined: there is no such transport here. */
    readonly flowTo: FlowTo;
    readonly onChange: (routes: readonly StaticRoute[]) => void;
    readonly log: Log;
  }) {
    this.#options = options.routes;
    this.#flowTo = options.flowTo;
    this.#onChange = options.onChange;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    await this.#refresh();
    if (this.#options.some(({ target }) => familyOf(parseHostPort(target)?.host ?? '') === undefined)) {
      this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS);
      this.#timer.unref();
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #refresh(): Promise<void> {
    await Promise.all(this.#options.map(({ target }) => this.#resolve(target)));
    this.#onChange(this.#options.flatMap((option) => this.#routeOf(option)));
  }

  async #resolve(target: string): Promise<void> {
    const host = parseHostPort(target)?.host ?? target;
    try {
      this.#addresses.set(
        host,
        familyOf(host) === undefined ? (await lookup(host, { order: 'ipv4first' })).address : host,
      );
      this.#failing.delete(host);
    } catch (err) {
      if (!this.#failing.has(host)) {
        this.#failing.add(host);
        this.#log.warn({ err, address: host }, 'the host name of a static route does not resolve');
      }
    }
  }

  #routeOf({ prefix, target, transport }: RouteOption): StaticRoute[] {
    const parsed = parseHostPort(target);
    const address = this.#addresses.get(parsed?.host ?? target);
    if (address === undefined) {
      return [];
    }
    const remote = { address, port: parsed?.port ?? DEFAULT_PORTS[transport] ?? SIP_PORT };
    const flow = this.#flowTo(remote, transport);
    if (flow === undefined && !this.#failing.has(`${transport} ${prefix}`)) {
      this.#failing.add(`${transport} ${prefix}`);
      this.#log.warn(
        { key: `ims.routes ${prefix}`, reason: transport },
        'a static route is left out: its transport is off here',
      );
    }
    return flow === undefined ? [] : [{ prefix, host: formatTransportAddress(remote), flow }];
  }
}
