/** Questions to programs of ours, over the channel that they have to us, and the answers that come back. */
import type { ChildQuestion, SupervisorMessage } from '../../observe/ipc.ts';

/** A program that lives answers at once; milliseconds. */
const ANSWER_LIMIT_MS = 3000;

export class ChildQuestions {
  readonly #waiting = new Map<number, (result: unknown) => void>();
  #lastId = 0;

  /**
   * @param send false: there is nobody to ask
   * @throws Error that completes "the IMS …", when there is no answer
   */
  ask(question: ChildQuestion, send: (message: SupervisorMessage) => boolean): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`does not answer within ${ANSWER_LIMIT_MS / 1000} s`));
      }, ANSWER_LIMIT_MS);
      this.#waiting.set(id, (result) => {
        clearTimeout(limit);
        resolve(result);
      });
      if (!send({ kind: 'ask', id, question })) {
        clearTimeout(limit);
        this.#waiting.delete(id);
        reject(new Error('is not one that can be asked: it is not the built-in one, or it does not run'));
      }
    });
  }

  /** An answer that nobody waits for any more is dropped. */
  handleAnswer(id: number, result: unknown): void {
    this.#waiting.get(id)?.(result);
    this.#waiting.delete(id);
  }
}
