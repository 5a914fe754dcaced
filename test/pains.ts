/**
 * What operators of media relays suffer from, and what this one does about it. A test whose name has `pain 9:`,
 * `pains 9, 14:` or `row 6, pain 3:` shows the rows with those numbers; `pains.test.ts` looks for them.
 */
export interface PainRow {
  /** 1 to 30. */
  readonly number: number;
  readonly pain: string;
  /** What no test shows, and why; without it the row has to have a test. */
  readonly left?: string;
}

const KERNEL = 'there is no kernel path in this version, so nothing that could go wrong in one';

export const PAINS: readonly PainRow[] = [
  { number: 1, pain: 'one-way audio after re-INVITE, UPDATE or hold' },
  { number: 2, pain: 're-INVITE with a private SDP address freezes learning' },
  { number: 3, pain: 'the caller’s port changes during the call' },
  { number: 4, pain: 'handover from Wi-Fi to LTE' },
  { number: 5, pain: 'time-outs that do not fire when one side is silent; zombie calls; calls on hold that are ended' },
  { number: 6, pain: 'a time-out is not reported, or not as the proxy reads it' },
  { number: 7, pain: 'the notify socket is wrong' },
  { number: 8, pain: 'out of ports with few calls, and no word why' },
  { number: 9, pain: 'sockets leak when the odd port cannot be bound' },
  { number: 10, pain: 'the range overlaps with the system’s own ports' },
  { number: 11, pain: 'a port goes to a new call while the old peer still sends' },
  { number: 12, pain: 'the limit of files stops calls at some 250' },
  { number: 13, pain: 'port 0 under load over many processes' },
  { number: 14, pain: 'the RTCP socket is not closed' },
  { number: 15, pain: 'packets to itself behind a 1:1 NAT' },
  { number: 16, pain: 'the advertised address behind a 1:1 NAT' },
  { number: 17, pain: 'deletes and queries time out' },
  { number: 18, pain: 'a large UDP reply is lost to the MTU' },
  {
    number: 19,
    pain: 'a restart loses all calls',
    left: 'a relay that ends takes its sessions along; ims-launch can drain it first, and ims-server ends the calls',
  },
  {
    number: 20,
    pain: 'containers: a module that is missing, port ranges, privileges',
    left: 'nothing is needed but a range of ports: the Dockerfile and its tests (test/e2e/container.test.ts)',
  },
  { number: 21, pain: 'a kernel module that is absent after an upgrade', left: KERNEL },
  { number: 22, pain: 'kernel panics', left: KERNEL },
  { number: 23, pain: 'is it really in the kernel?', left: KERNEL },
  {
    number: 24,
    pain: 'high CPU in user space',
    left: 'a figure, not a rule: `npm run bench -- relay` measures it beside other relays',
  },
  { number: 25, pain: 'memory growth' },
  { number: 26, pain: 'DTMF lost, reordered, duplicated' },
  { number: 27, pain: 'no figures without RTCP' },
  { number: 28, pain: 'recordings: one file, both directions, broken pcap' },
  { number: 29, pain: 'bridging between IPv4 and IPv6' },
  { number: 30, pain: 'the re-packetiser delays after a re-INVITE' },
];
