import type { Job } from '../../api/client';
import { cellNumbers, jobWithNumbers, withNumbers } from '../../model/cellNumbers';

describe('the numbers of cells', () => {
  const numbers = cellNumbers({ cells: [{ id: 'intro' }, { id: 'f3-a' }] });

  it('stand where the server names a cell by its id, and nowhere else', () => {
    expect(withNumbers('cell f3-a reads x; tag cell intro, not cell f3-ab', numbers)).toBe(
      'cell 2 reads x; tag cell 1, not cell f3-ab'
    );
    expect(withNumbers('the intro cell', numbers)).toBe('the intro cell');
  });

  it('stand in the error of a job', () => {
    const error = { detail: 'cell f3-a raised', hint: 'look at cell intro' };
    const told = jobWithNumbers({ id: '1', error } as Job, numbers);
    expect(told.error).toEqual({ detail: 'cell 2 raised', hint: 'look at cell 1' });
    const whole = { id: '2', error: null } as Job;
    expect(jobWithNumbers(whole, numbers)).toBe(whole);
  });
});
