import type { Board } from '../../api/client';
import { chartsOf } from '../../model/charts';
import { trans } from '../trans';

const column = (name: string, part: string, distance: number): object => ({
  column: name,
  part,
  distance,
  threshold: 0.2,
  drifted: distance > 0.2,
  window: { '0': 1, '1': 3 },
  reference: { '0': 2, '1': 2 }
});

describe('charts', () => {
  it('are none for a deployment that was never looked at', () => {
    const board = { windows: [], health: null, promised_p99_ms: 50 } as unknown as Board;
    expect(chartsOf(board, trans)).toEqual([]);
  });

  it('say in words what they show', () => {
    const board = {
      promised_p99_ms: 50,
      windows: [
        { end: '2026-01-01T00:00:00Z', requests: 10, errors: 1, degraded: 2, latency_p50_ms: 3, latency_p99_ms: 61.2, quality: { auc: 0.71 }, labelled: 5 }
      ],
      health: { drift: [{ columns: [column('hour', 'input', 0.4), column('late', 'output', 0.1)] }] }
    } as unknown as Board;
    const told = chartsOf(board, trans).map(chart => chart.summary).join('\n');
    expect(told).toContain('10 requests, 1 errors, 2 degraded');
    expect(told).toContain('p99 61.2 ms, promised 50 ms');
    expect(told).toContain('over their threshold: input: hour');
    expect(told).toContain('this window late 1: 75 %');
    expect(told).toContain('auc is 0.710');
  });
});
