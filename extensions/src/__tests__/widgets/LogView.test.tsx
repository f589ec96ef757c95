import * as React from 'react';
import { act } from 'react-dom/test-utils';

import type { JobLog } from '../../api/client';
import { RequestError } from '../../api/request';
import { LogView } from '../../widgets/LogView';
import { render } from '../render';
import { trans } from '../trans';

type Answer = JobLog | RequestError;

describe('a log', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  /** A log that is read as these answers say, one after the other. */
  const draw = (answers: Answer[]) => {
    const read = jest.fn(async (_: string, __: number): Promise<JobLog> => {
      const next = answers.shift()!;
      if (next instanceof RequestError) {
        throw next;
      }
      return next;
    });
    return { read, ...render(<LogView jobId="1" read={read} trans={trans} />) };
  };
  const later = (): Promise<void> => act(async () => void (await jest.advanceTimersByTimeAsync(600)));
  const part = (text: string, next_offset: number, complete = false): JobLog => ({
    text,
    next_offset,
    complete
  });

  it('grows from where it ended, until it is whole', async () => {
    const { host, read } = draw([part('', 0), part('<b>a</b>\n', 9), part('b\n', 11, true)]);
    await act(async () => undefined);
    expect(host.textContent).toBe('Nothing was printed yet.');
    await later();
    await later();
    await later();
    expect(host.textContent).toBe('<b>a</b>\nb\n');
    expect(host.querySelector('b')).toBeNull();
    expect(read.mock.calls.map(([, offset]) => offset)).toEqual([0, 0, 9]);
  });

  it('goes on after a cut network, and stays as it is where the server forgot the job', async () => {
    const cut = new RequestError('unreachable', 'no answer', '');
    const gone = new RequestError('refused', 'there is no such job', '');
    const { host, read } = draw([part('a', 1), cut, part('b', 2), gone]);
    await later();
    expect(host.textContent).toBe('a\nno answer');
    await later();
    expect(host.textContent).toBe('ab');
    await later();
    await later();
    expect(host.textContent).toBe('ab\nthere is no such job');
    expect(read).toHaveBeenCalledTimes(4);
  });
});
