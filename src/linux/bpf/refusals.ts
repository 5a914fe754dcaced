/** What the kernel answers when it will not have a program, a map or a link, and what an operator can do about it. */
import type { Result } from '../../wire/result.ts';
import { errorName } from '../socket-address.ts';

export type BpfOperation =
  | 'create map'
  | 'look up'
  | 'update'
  | 'delete'
  | 'load program'
  | 'run program'
  | 'attach program'
  | 'map memory';

export interface BpfRefusal {
  readonly operation: BpfOperation;
  /** As in errno(3): `EPERM`. */
  readonly errno: string;
  readonly remedy: string;
  /** The end of what the verifier says, where it has said anything. */
  readonly log?: string;
}

export type BpfResult<T> = Result<T, BpfRefusal>;

/** The reason of a refusal in this language; `remedy` is a sentence. */
export function refusal(operation: BpfOperation, errno: number, log?: string): BpfRefusal {
  const name = errorName(errno);
  return { operation, errno: name, remedy: remedyFor(operation, name), ...(log === undefined ? {} : { log }) };
}

/** `load program EPERM: …` in one line. */
export function refusalText(refused: BpfRefusal): string {
  return `${refusalName(refused)}: ${refusalRemedy(refused)}`;
}

/** `load program EPERM`. */
export function refusalName({ operation, errno }: BpfRefusal): string {
  return `${operation} ${errno}`;
}

/** What an operator can do, and what the verifier said last. */
export function refusalRemedy({ remedy, log }: BpfRefusal): string {
  const said = log?.trim().split('\n').at(-1);
  return said === undefined ? remedy : `${remedy} The verifier: ${said}`;
}

const RIGHTS =
  'Give this process CAP_BPF and CAP_NET_ADMIN (Docker: --user 0 --cap-add BPF --cap-add NET_ADMIN; systemd: AmbientCapabilities=), and a seccomp filter that lets bpf(2) pass.';

function remedyFor(operation: BpfOperation, errno: string): string {
  switch (errno) {
    case 'EPERM':
    case 'EACCES':
      return operation === 'load program' && errno === 'EACCES'
        ? 'The verifier of this kernel refuses the program: use Linux 5.10 or later, and report it with the log if it is.'
        : RIGHTS;
    case 'ENOSYS':
      return 'This kernel has no bpf(2) (CONFIG_BPF_SYSCALL), or a seccomp filter hides it.';
    case 'ENOMEM':
      return 'There is no memory for it; before Linux 5.11 raise the limit of locked memory (LimitMEMLOCK=infinity).';
    case 'E2BIG':
      return operation === 'update' ? 'The table is full.' : 'Use Linux 5.10 or later.';
    case 'EMFILE':
    case 'ENFILE':
      return 'Raise the limit of open files (LimitNOFILE=).';
    case 'ENODEV':
      return 'The interface is gone.';
    case 'ENOENT':
      return operation === 'look up' || operation === 'delete' ? 'It is not there.' : OLD_KERNEL;
    case 'EINVAL':
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
    case 'errno 524':
      return OLD_KERNEL;
    default:
      return 'The system gives no other reason.';
  }
}

const OLD_KERNEL = 'This kernel does not know what is asked of it: use Linux 5.10 or later, for tcx links 6.6.';
