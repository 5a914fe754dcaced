/**
 * Where RTP of a party passes: past us, forwarded by the kernel, or through our sockets for one of these reasons. One row
 * is all that a new reason takes.
 */
export const FLOW_STATES = {
  kernel: 'forwarded by the kernel',
  'unknown-source': 'nobody is believed to be the party yet',
  'unknown-destination': 'where the other party is is not known yet',
  fed: 'the other party hears another session',
  copied: 'recorded, copied or searched for keys',
  prompt: 'the other party hears a prompt',
  keys: 'one payload type is kept back',
  resized: 'packets are cut anew',
  'not-rtp': 'what the party sends is no RTP',
  learning: 'the clock of its time stamps is not known yet',
  unsteady: 'SSRC or payload type change from packet to packet',
  'any-address': 'the media socket is bound to all addresses: -l names one',
  'two-families': 'one party is on IPv4, the other one on IPv6',
  scoped: 'an address of one link only (fe80::)',
  'local-peer': 'a party is on this host',
  'no-route': 'there is no way to the party',
  tunnel: 'a way that has no Ethernet header',
  'no-neighbour': 'the next station has not told its hardware address yet',
  'too-long': 'packets are longer than the way out carries in one piece',
  unseen: 'packets do not come by an interface that the program is on, or a NAT of this host changes them',
  full: 'the table of flows is full',
  refused: 'the kernel refused',
} as const;

export type FlowState = keyof typeof FLOW_STATES;

/** How many legs take which way; those that none takes are left out. */
export type FlowCounts = Readonly<Partial<Record<FlowState, number>>>;

export const FLOW_STATE_NAMES = Object.keys(FLOW_STATES) as readonly FlowState[];
