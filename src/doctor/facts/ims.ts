import type { ProcessFacts } from './holder.ts';

export interface ImsFacts {
  readonly sipPort: number;
  /** The built-in ims-server, as opposed to `ims.command`. */
  readonly builtIn: boolean;
  /** To SIP OPTIONS. */
  readonly answer: 'answered' | 'refused' | 'silent';
  readonly owner: ProcessFacts | undefined;
  /** It belongs to the launcher that runs with this configuration. */
  readonly isOurs: boolean;
  /** The relay that this IMS was told, where that can be seen. */
  readonly told: { readonly host: string; readonly port: number; readonly where: string } | undefined;
}
