/** One request at a time, and after it the newest that was asked for meanwhile: scrubbing shows something at every pace. */

/** Starts a request and gives what stops it; calls `done` when its answer is whole. */
export type Start = (done: () => void) => () => void;

/** A request that takes longer gives way to a newer one; the server ends what its client no longer waits for. */
const PATIENCE = 250;

export class Latest {
  #running: { stop: () => void; since: number; done: boolean } | null = null;
  #next: Start | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  ask(start: Start): void {
    if (this.#running === null || this.#running.done) {
      this.#run(start);
      return;
    }
    this.#next = start;
    clearTimeout(this.#timer);
    const left = PATIENCE - (performance.now() - this.#running.since);
    this.#timer = setTimeout(() => {
      this.#goOn();
    }, left);
  }

  /** Gives up what isn’t answered yet; what is keeps following the cache. */
  hold(): void {
    if (this.#running?.done === false) {
      this.stop();
    }
  }

  /** Stops what runs, and takes no more answers from what has been answered. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#next = null;
    this.#running?.stop();
    this.#running = null;
  }

  #goOn(): void {
    const next = this.#next;
    if (next !== null) {
      this.#run(next);
    }
  }

  #run(start: Start): void {
    clearTimeout(this.#timer);
    this.#next = null;
    const before = this.#running;
    const running = { stop: (): void => undefined, since: performance.now(), done: false };
    this.#running = running;
    running.stop = start(() => {
      running.done = true;
      if (this.#running === running) {
        this.#goOn();
      }
    });
    // After the new one has begun, so that what both need isn't given up in between.
    before?.stop();
  }
}
