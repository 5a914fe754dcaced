import type { LoadedConfig } from '../../config/load.ts';
import type { RelayFacts } from '../../doctor/facts/relay.ts';
import { heldSockets, portOwner } from '../../io/port-owner.ts';
import { fileLimitOf, hasCapabilities } from '../../io/process-details.ts';
import { openRtppClient, type RtppClient } from '../../io/rtpp-client-driver.ts';
import { isLocalAddress } from '../../io/server-address.ts';
import { formatTransportAddress } from '../../wire/ip-address.ts';
import { strangeMediaAddress } from '../launch/questions.ts';
import { proveMedia, THOROUGH_PROOF } from '../media/probe.ts';
import { processFacts } from './processes.ts';

/** capabilities(7) */
const CAP_NET_ADMIN = 12;
const CAP_BPF = 39;

type Known = Pick<
  RelayFacts,
  'control' | 'host' | 'port' | 'isLocal' | 'autoStart' | 'autoStartOrigin' | 'hasCommand' | 'plane'
>;

/** Asks the relay, and where one answers sends a test call of a quarter of a second through it. */
export async function collectRelay({ config, origins, path }: LoadedConfig): Promise<RelayFacts> {
  const { host, port, autoStart, command, plane } = config.relay;
  const known: Known = {
    control: formatTransportAddress({ address: host, port }),
    host,
    port,
    isLocal: isLocalAddress(host),
    autoStart,
    autoStartOrigin: origins.get('relay.autoStart') ?? `relay.autoStart in ${path}`,
    hasCommand: command !== undefined,
    plane,
  };
  let client: RtppClient;
  try {
    client = await openRtppClient({ host, port });
  } catch (error) {
    return {
      ...known,
      ...NOTHING,
      answer: undefined,
      unreachable: error instanceof Error ? error.message : String(error),
    };
  }
  try {
    return await examine({ ...known, isLocal: isLocalAddress(client.remote.address) }, client);
  } finally {
    await client.close();
  }
}

const NOTHING = {
  owner: undefined,
  holders: [],
  strangeAddress: undefined,
  media: undefined,
  dropped: 0,
  fileLimit: undefined,
  kernelRights: undefined,
} as const;

async function examine(known: Known, client: RtppClient): Promise<RelayFacts> {
  const { remote } = client;
  const answer = await client.probe();
  if (!known.isLocal) {
    return { ...known, ...NOTHING, answer, media: answer.kind === 'rtpproxy' ? await test(client) : undefined };
  }
  const owner = processFacts(portOwner('udp', remote.port, remote.address));
  const held = heldSockets('udp', () => true);
  return {
    ...known,
    answer,
    owner,
    holders: held
      .filter(({ port }) => port === remote.port)
      .flatMap(({ address, owner: holder }) => {
        const facts = processFacts(holder);
        return facts === undefined || facts.pid === process.pid ? [] : [{ address, owner: facts }];
      }),
    strangeAddress: strangeMediaAddress(client),
    media: answer.kind === 'rtpproxy' ? await test(client) : undefined,
    dropped: held
      .filter((socket) => owner !== undefined && socket.owner?.pid === owner.pid)
      .reduce((sum, { drops }) => sum + drops, 0),
    fileLimit: owner && fileLimitOf(owner.pid),
    kernelRights: owner && hasCapabilities(owner.pid, [CAP_NET_ADMIN, CAP_BPF]),
  };
}

async function test(client: RtppClient): Promise<RelayFacts['media']> {
  const { ok, findings, failure, directions } = await proveMedia({ ...THOROUGH_PROOF, purpose: 'check', client });
  return { ok, findings, failure, directions };
}
