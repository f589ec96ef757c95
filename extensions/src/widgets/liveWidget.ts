import { ReactWidget } from '@jupyterlab/ui-components';
import { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** A React view that is drawn anew when one of its signals says so, and only while it is seen. */
export class LiveWidget extends ReactWidget {
  constructor(
    private draw: () => React.ReactElement,
    signals: readonly ISignal<unknown, unknown>[]
  ) {
    super();
    this.addClass('jp-nbprod-view');
    for (const signal of signals) {
      signal.connect(this.redraw, this);
    }
  }

  protected render(): React.ReactElement {
    return this.draw();
  }

  private redraw(): void {
    this.update();
  }
}
