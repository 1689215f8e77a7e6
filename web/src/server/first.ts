/** What the reader came for is asked first; what surrounds it waits for that answer. */

import { useSyncExternalStore } from 'react';

/** A tab that asks nothing at the moment keeps what surrounds it waiting no longer. */
const LONGEST_WAIT = 1_500;

let there = false;
const watchers = new Set<() => void>();
setTimeout(firstCame, LONGEST_WAIT);

/** Notes that the first answer of the page is there. */
export function firstCame(): void {
  if (!there) {
    there = true;
    for (const watcher of watchers) {
      watcher();
    }
  }
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

/** Whether the page has had its first answer: pause what isn’t the tab’s own until then. */
export function useFirstCame(): boolean {
  return useSyncExternalStore(watch, () => there);
}
