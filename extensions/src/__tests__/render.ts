import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { act } from 'react-dom/test-utils';

(globalThis as any).IS_REACT_ACT_ENVIRONMENT = true;

/** What a component draws, and a way to press what it drew. */
export function render(element: React.ReactElement): {
  host: HTMLElement;
  again: (element: React.ReactElement) => void;
  press: (name: string) => void;
} {
  const host = document.body.appendChild(document.createElement('div'));
  const root = createRoot(host);
  act(() => root.render(element));
  return {
    host,
    again: next => act(() => root.render(next)),
    press: name => {
      const button = Array.from(host.querySelectorAll('button')).find(item =>
        `${item.getAttribute('aria-label') ?? ''} ${item.textContent}`.includes(name)
      );
      if (!button) {
        throw new Error(`no button ${name} in ${host.textContent}`);
      }
      act(() => button.click());
    }
  };
}
