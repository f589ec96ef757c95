import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import * as React from 'react';

import { Chart } from '../../widgets/Chart';
import { render } from '../render';

const chart = { title: 'Latency', summary: 'p99 is 5 ms', spec: { mark: 'line' } };

/** Lab's registry, with or without a renderer of Vega. */
function registry(isThere: boolean): { rendermime: IRenderMimeRegistry; drawn: any[] } {
  const drawn: any[] = [];
  const rendermime = {
    preferredMimeType: () => (isThere ? 'vega' : undefined),
    createModel: (given: object) => given,
    createRenderer: () =>
      Object.assign(new Widget(), { renderModel: async (model: any) => void drawn.push(model) })
  };
  return { rendermime: rendermime as unknown as IRenderMimeRegistry, drawn };
}

describe('a chart', () => {
  it("is drawn by Lab's renderer, once for the same numbers", () => {
    const { rendermime, drawn } = registry(true);
    const { host, again } = render(<Chart chart={chart} rendermime={rendermime} />);
    again(<Chart chart={{ ...chart }} rendermime={rendermime} />);
    expect(drawn.length).toBe(1);
    expect(Object.values<any>(drawn[0].data)[0].mark).toBe('line');
    again(<Chart chart={{ ...chart, spec: { mark: 'bar' } }} rendermime={rendermime} />);
    expect(drawn.length).toBe(2);
    expect(host.querySelectorAll('.lm-Widget').length).toBe(1);
  });

  it('says the same in words, also where nothing can draw it', () => {
    const { host } = render(<Chart chart={chart} rendermime={registry(false).rendermime} />);
    expect(host.querySelector('figcaption')?.textContent).toBe('Latency: p99 is 5 ms');
  });
});
