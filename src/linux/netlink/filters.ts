/**
 * A program at the entrance of an interface where the kernel has no tcx (before 6.6): a clsact qdisc, which does nothing
 * by itself, and a bpf filter below it; tc-bpf(8). The filter outlives its process.
 *
 * ```
 *  struct tcmsg   family:1  -:3  index:4  handle:4  parent:4  information:4 (priority:2, protocol:2 in network order)
 * ```
 */
import {
  formatAttribute,
  formatMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  uint32,
} from './message.ts';

const RTM_NEWQDISC = 36;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;

const TCMSG_BYTES = 20;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
/** What the program returns is what happens. */
const DIRECT_ACTION = 1;

const CLSACT_HANDLE = 0xffff0000;
const CLSACT_PARENT = 0xfffffff1;
const INGRESS = 0xfffffff2;
/** ETH_P_ALL in network order. */
const ALL_PROTOCOLS = 0x0300;
const FILTER_HANDLE = 1;

/** Who is called on an interface: the lowest first. Ours leaves room for others before it. */
export const FILTER_PRIORITY = 0xb13;

/** EEXIST: there is one already, which will do. */
export function addClsactRequest(sequence: number, index: number): Buffer {
  return formatMessage(
    RTM_NEWQDISC,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
    sequence,
    tcmsg(index, CLSACT_HANDLE, CLSACT_PARENT, 0),
    formatAttribute(TCA_KIND, Buffer.from('clsact\0')),
  );
}

/** Takes the place of the one that a relay before us has left. */
export function addFilterRequest(sequence: number, index: number, program: number, name: string): Buffer {
  const options = Buffer.concat([
    formatAttribute(TCA_BPF_FD, uint32(program)),
    formatAttribute(TCA_BPF_NAME, Buffer.from(`${name}\0`)),
    formatAttribute(TCA_BPF_FLAGS, uint32(DIRECT_ACTION)),
  ]);
  return formatMessage(
    RTM_NEWTFILTER,
    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE,
    sequence,
    tcmsg(index, FILTER_HANDLE, INGRESS, information()),
    formatAttribute(TCA_KIND, Buffer.from('bpf\0')),
    formatAttribute(TCA_OPTIONS, options),
  );
}

export function deleteFilterRequest(sequence: number, index: number): Buffer {
  return formatMessage(
    RTM_DELTFILTER,
    NLM_F_REQUEST | NLM_F_ACK,
    sequence,
    tcmsg(index, FILTER_HANDLE, INGRESS, information()),
    formatAttribute(TCA_KIND, Buffer.from('bpf\0')),
  );
}

function tcmsg(index: number, handle: number, parent: number, info: number): Buffer {
  const header = Buffer.alloc(TCMSG_BYTES);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(handle, 8);
  header.writeUInt32LE(parent, 12);
  header.writeUInt32LE(info, 16);
  return header;
}

function information(): number {
  return FILTER_PRIORITY * 0x10000 + ALL_PROTOCOLS;
}
