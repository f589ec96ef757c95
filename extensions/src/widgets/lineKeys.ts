import * as React from 'react';

const STEPS: Record<string, (index: number, last: number) => number> = {
  ArrowDown: (index, last) => Math.min(index + 1, last),
  ArrowUp: index => Math.max(index - 1, 0),
  Home: () => 0,
  End: (_, last) => last
};

/**
 * Arrow keys, Home and End move within a long list of buttons, which is one stop of the Tab key:
 * all of them have tabIndex -1 but the one that Tab should come to.
 */
export function moveByKeys(event: React.KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key];
  const buttons = Array.from(event.currentTarget.querySelectorAll<HTMLElement>('button'));
  const index = buttons.indexOf(document.activeElement as HTMLElement);
  if (step && index >= 0) {
    event.preventDefault();
    buttons[step(index, buttons.length - 1)].focus();
  }
}
