import * as React from 'react';

import type { Explanation } from '../../api/client';
import { PredictionStory } from '../../widgets/PredictionStory';
import { render } from '../render';
import { trans } from '../trans';

const HOSTILE = '<img src=x onerror=alert(1)>';
const prediction = {
  id: 'abc',
  at: '2026-01-01T00:00:00Z',
  output: 0.2,
  release: '3',
  role: 'champion',
  latency_ms: 4.26,
  degraded: false,
  module_version: 'm1',
  inputs: { carrier: HOSTILE, hour: null, dep_delay: 0 },
  features: { hour_sin: 0.5 }
};
const known = {
  prediction,
  outcome: { outcome: 1 },
  release: { version: 3, name: 'flight-delay', created_at: 'then' },
  gate: { id: 'g', verdict: 'passed' },
  run: { candidate: { number: 7 }, created_at: 'before', snapshot: { uri: 'f.parquet', rows: 9 } },
  extraction: { notebook: 'notebooks/train.ipynb' },
  approvals: [{ by: 'ana', reason: 'looked' }],
  findings: [{ code: 'NBM001', severity: 'error', message: 'm', hint: '', cell_id: 'c', line: 2 }]
} as unknown as Explanation;

const facts = (host: HTMLElement): Record<string, string> =>
  Object.fromEntries(
    Array.from(host.querySelectorAll('dt'), name => [
      name.textContent,
      name.nextElementSibling?.textContent
    ])
  );

describe('the story of a prediction', () => {
  const draw = (story: Explanation) => {
    const on = { onReport: jest.fn(), onPlace: jest.fn() };
    return { ...on, ...render(<PredictionStory story={story} {...on} trans={trans} />) };
  };

  it('goes from the answer back to notebook and data', () => {
    const { host } = draw(known);
    expect(facts(host)).toMatchObject({
      answer: '0.2',
      outcome: '1',
      latency: '4.3 ms',
      carrier: HOSTILE,
      hour: 'null',
      dep_delay: '0',
      hour_sin: '0.5',
      gate: 'passed',
      candidate: '7',
      approvals: 'ana: looked',
      'training data': 'f.parquet (9)',
      notebook: 'notebooks/train.ipynb'
    });
    expect(host.querySelector('img')).toBeNull();
  });

  it("opens the gate's report, and leads to a finding's cell", () => {
    const { press, onReport, onPlace } = draw(known);
    press("Open the gate's report");
    expect(onReport).toHaveBeenCalledWith('gate-results/g/report', 'Gate');
    press('Show the cell, line 2');
    expect(onPlace).toHaveBeenCalledWith('c', 2);
  });

  it('says what is not known, and leaves out what there is not', () => {
    const none = { outcome: null, release: null, gate: null, run: null, extraction: null };
    const { host } = draw({ ...known, ...none, approvals: [], findings: [] } as Explanation);
    expect(facts(host).outcome).toBe('not known yet');
    expect(Object.keys(facts(host))).not.toContain('candidate');
    expect(host.querySelector('button')).toBeNull();
  });
});
