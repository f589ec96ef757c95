import { ReactWidget } from '@jupyterlab/ui-components';
import { Message } from '@lumino/messaging';
import { ISignal } from '@lumino/signaling';
import * as React from 'react';

const CONTROLS = 'button:enabled, select';

/**
 * A React view that is drawn anew when one of its signals says so.
 *
 * Where that takes away or disables what has the keyboard, the next control gets it.
 */
export class LiveWidget extends ReactWidget {
  constructor(
    private draw: () => React.ReactElement,
    signals: readonly ISignal<unknown, unknown>[]
  ) {
    super();
    this.addClass('jp-nbprod-view');
    this.node.tabIndex = -1;
    for (const signal of signals) {
      signal.connect(this.redraw, this);
    }
  }

  protected render(): React.ReactElement {
    return this.draw();
  }

  protected onUpdateRequest(message: Message): void {
    const place = this.controls.indexOf(document.activeElement as HTMLElement);
    super.onUpdateRequest(message);
    if (place >= 0) {
      void this.renderPromise?.then(() => this.keepFocus(place));
    }
  }

  private keepFocus(place: number): void {
    const now = document.activeElement;
    const isLost = now === null || now === document.body || now.matches(':disabled');
    if (isLost && !this.isDisposed) {
      const controls = this.controls;
      (controls[Math.min(place, controls.length - 1)] ?? this.node).focus();
    }
  }

  private get controls(): HTMLElement[] {
    return Array.from(this.node.querySelectorAll<HTMLElement>(CONTROLS));
  }

  private redraw(): void {
    this.update();
  }
}
