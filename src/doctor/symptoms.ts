/** Rows of the README's table for what no check can see: it happens at a phone, or during one call. */

export interface Symptom {
  readonly symptom: string;
  readonly cause: string;
  readonly remedy: string;
}

export const SYMPTOMS: readonly Symptom[] = [
  {
    symptom: 'one-way audio',
    cause: 'one phone’s packets do not arrive',
    remedy:
      'the log line `session ended` has `rtpPackets` for both sides: the side with 0 is the one whose firewall or NAT blocks',
  },
  {
    symptom: 'one-way audio after hold or transfer',
    cause: 'the phone moved to an address nobody signalled',
    remedy: 'look for `refused` in the same line: packets of a source that is not the party’s',
  },
  {
    symptom: 'audio breaks off after a minute',
    cause: 'nobody sends in one direction for `relay.timeoutSeconds`, or a stateful firewall closes',
    remedy: '`session ended` with reason `timeout`; raise `relay.timeoutSeconds`, let phones send during hold',
  },
  {
    symptom: 'phone gets 403 on REGISTER',
    cause: 'the published password from a public address',
    remedy: 'set passwords of your own under `USERS`',
  },
];
