import { z } from 'zod';

/** `ADDRESS:PORT`; an IPv6 address stands in brackets. */
const LISTEN = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+|localhost):([0-9]{1,5})$/;

/** `dashboard` in config.json: pages and metrics over HTTP. */
export const dashboardOptions = z.object({
  listen: z
    .string()
    .refine((text) => {
      const port = LISTEN.exec(text)?.[1];
      return port !== undefined && Number(port) <= 65_535;
    }, 'must be ADDRESS:PORT, such as 127.0.0.1:7780 or [::1]:7780')
    .optional()
    .meta({
      description:
        'Address and port for the dashboard, /metrics, /livez and /readyz, such as 127.0.0.1:7780; without it there is no HTTP. Elsewhere than on loopback it wants dashboard.token.',
      flag: '--dashboard',
    }),
  token: z.string().min(16).max(256).optional().meta({
    description:
      'Secret that everything but /livez and /readyz asks for, as "Authorization: Bearer TOKEN", or once as ?token=TOKEN in a browser. At least 16 characters.',
    secret: true,
  }),
  hosts: z.array(z.string().min(1).max(253)).max(32).default([]).meta({
    description:
      'Names by which browsers may ask for the dashboard, beside localhost and IP addresses: those of a reverse proxy, for example.',
  }),
});

export type DashboardOptions = z.output<typeof dashboardOptions>;

/** @param listen as the schema accepts it */
export function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const at = listen.lastIndexOf(':');
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) };
}
