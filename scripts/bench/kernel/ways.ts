/** What is compared: the ways on which RTP gets from one host to the other. */
import { execFileSync } from 'node:child_process';
import { inside } from '../../../test/support/network.ts';
import type { Scope } from '../../../test/support/scope.ts';
import { waitFor } from '../../../test/support/wait.ts';
import { isInstalled } from '../installed.ts';
import { setUpCalls } from '../relay/calls.ts';
import { CONTESTANTS, type Contestant, ourPlane, startRelay, versionOf } from '../relay/contestants.ts';
import type { Call } from '../relay/generator.ts';
import type { LoadGenerator } from '../relay/load-generator.ts';
import { DIRECT_PARTIES, type Lab, MEDIA_ADDRESS, PARTIES } from './lab.ts';
import { forwarderPorts, forwarderRules } from './nftables.ts';

export interface Way {
  readonly name: string;
  readonly version: string;
  /** Its program, to be looked for on PATH; undefined: the kernel alone. */
  readonly program?: string;
  /** Addresses of caller and callee, and what they send to. */
  readonly parties: readonly [string, string];
  readonly targets: readonly [string, string];
  /** Until the scope ends it takes calls. */
  open(scope: Scope, lab: Lab, nice: number | null): Promise<OpenWay>;
}

export interface OpenWay {
  pids(): number[];
  setUp(generator: LoadGenerator, calls: number): Promise<readonly Call[]>;
  /** When packets have been sent for a while: is it what it should be? */
  settled?(calls: number): Promise<void>;
}

export const FLOOR = 'direct veth pair';
export const ROUTER = 'plain IP router';
export const KERNEL = 'kernel';

/** Commands come from the relay's own host. */
const PLACE = { address: MEDIA_ADDRESS, control: '127.0.0.1' };

/** So few come by the sockets in the end: RTCP. */
const KERNEL_SHARE = 0.97;
const LOOK_PACKETS = 1000;

/** The floor and the limit first: the others are compared with them. */
export const WAYS: readonly Way[] = [
  {
    name: FLOOR,
    version: '',
    parties: DIRECT_PARTIES,
    targets: [DIRECT_PARTIES[1], DIRECT_PARTIES[0]],
    open: async () => ({ pids: () => [], setUp: async (generator, calls) => straightCalls(generator, calls) }),
  },
  {
    name: ROUTER,
    version: '',
    parties: PARTIES,
    targets: [PARTIES[1], PARTIES[0]],
    open: async (scope, lab) => {
      setForwarding(lab, 1);
      scope.defer(() => setForwarding(lab, 0));
      return { pids: () => [], setUp: async (generator, calls) => straightCalls(generator, calls) };
    },
  },
  overRelay(ourPlane('kernel'), true),
  {
    name: 'nftables',
    version: '',
    program: 'nft',
    parties: PARTIES,
    targets: [MEDIA_ADDRESS, MEDIA_ADDRESS],
    open: async (scope, lab) => ({
      pids: () => [],
      setUp: async (generator, count) => {
        const calls = Array.from({ length: count }, (_, slot) => ({
          slot,
          serial: slot + 1,
          ports: forwarderPorts(slot),
        }));
        const rules = forwarderRules(calls, generator.ports);
        const nft = (text: string): void => {
          execFileSync('ip', ['netns', 'exec', lab.relay, 'nft', '-f', '-'], {
            input: text,
            stdio: ['pipe', 'ignore', 'inherit'],
          });
        };
        nft(rules);
        scope.defer(() => nft('delete table netdev forwarder\n'));
        return calls;
      },
    }),
  },
  overRelay(ourPlane('native')),
  ...CONTESTANTS.filter(({ ours }) => !ours).map((contestant) => overRelay(contestant)),
];

function overRelay(contestant: Contestant, inKernel = false): Way {
  const [program] = contestant.command({ ...PLACE, controlPort: 0, minPort: 0, maxPort: 0 });
  return {
    name: contestant.name,
    version: isInstalled(program) ? versionOf(contestant) : '',
    program,
    parties: PARTIES,
    targets: [MEDIA_ADDRESS, MEDIA_ADDRESS],
    open: async (scope, _lab, nice) => {
      const { client, pids } = await startRelay(scope, contestant, nice, PLACE);
      const count = async (counter: string): Promise<number> => {
        const outcome = await client.request(`G ${counter}`, { firstMs: 500, budgetMs: 5000 });
        return outcome.kind === 'reply' && outcome.reply.kind === 'number' ? outcome.reply.value : 0;
      };
      return {
        pids,
        setUp: async (generator, calls) => {
          const slots = Array.from({ length: calls }, (_, slot) => slot);
          let serial = 0;
          return await setUpCalls(client, generator, slots, () => ++serial);
        },
        ...(inKernel && {
          settled: async (calls) => {
            await waitFor(`${calls * 2} flows in the kernel`, async () => (await count('nflows_kernel')) === calls * 2);
            // A flow is there before what waits in its socket has been read, and until then it is held up.
            let [passed, all] = [await count('npkts_kernel'), await count('npkts_relayed')];
            await waitFor(
              'packets that pass by the kernel alone',
              async () => {
                const [passedBefore, allBefore] = [passed, all];
                [passed, all] = [await count('npkts_kernel'), await count('npkts_relayed')];
                return all > allBefore + LOOK_PACKETS && (passed - passedBefore) / (all - allBefore) > KERNEL_SHARE;
              },
              { intervalMs: 200 },
            );
          },
        }),
      };
    },
  };
}

/** Each sends to the other's own port. */
function straightCalls({ ports }: LoadGenerator, count: number): Call[] {
  return Array.from({ length: count }, (_, slot) => {
    const [caller, callee] = ports[slot] ?? [0, 0];
    return { slot, serial: slot + 1, ports: [callee, caller] };
  });
}

function setForwarding({ relay }: Lab, value: 0 | 1): void {
  inside(relay, 'sh', '-c', `echo ${value} > /proc/sys/net/ipv4/ip_forward`);
}
