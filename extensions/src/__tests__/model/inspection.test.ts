import { Signal } from '@lumino/signaling';

import type { Client, LiveInspection } from '../../api/client';
import { InspectionModel } from '../../model/inspection';
import { trans } from '../trans';

const cell = { id: 'a', type: 'code', getMetadata: () => ['nbprod:lib'], sharedModel: { getSource: () => 'x' } };

const told = (message: string): LiveInspection =>
  ({
    inspection: { findings: [{ code: 'NBX002', cell_id: 'a', line: 1, message }] },
    fixes: [
      { code: 'NBX002', cell_id: 'a', line: 1, title: 'Tag it', changes: [] },
      { code: 'NBX002', cell_id: 'b', line: 1, title: 'Tag another', changes: [] }
    ]
  }) as unknown as LiveInspection;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
};

describe('live findings', () => {
  let answers: ((told: LiveInspection) => void)[];
  let inspect: jest.Mock;
  let edited: Signal<object, void>;
  let model: InspectionModel;

  beforeEach(() => {
    answers = [];
    inspect = jest.fn(() => new Promise(resolve => answers.push(resolve)));
    const notebook: any = { cells: [cell] };
    edited = notebook.contentChanged = new Signal<object, void>(notebook);
    const client = { inspect } as unknown as Client;
    model = new InspectionModel(client, notebook, () => 'a.ipynb', () => true, 20, trans);
  });

  afterEach(() => model.dispose());

  const pause = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 60));

  it('are asked for once after a burst of key presses', async () => {
    for (let press = 0; press < 5; press++) {
      edited.emit();
    }
    await pause();
    expect(inspect).toHaveBeenCalledTimes(1);
    expect(inspect.mock.calls[0][1]).toEqual([
      { id: 'a', cell_type: 'code', source: 'x', tags: ['nbprod:lib'], execution_count: null }
    ]);
  });

  it('are asked for anew when the text moved on meanwhile, one question at a time', async () => {
    await pause();
    edited.emit();
    await pause();
    expect(inspect).toHaveBeenCalledTimes(1);
    answers.shift()!(told('old'));
    await settle();
    await pause();
    expect(inspect).toHaveBeenCalledTimes(2);
    answers.shift()!(told('new'));
    await settle();
    expect(model.findings.map(finding => finding.message)).toEqual(['new']);
  });

  it('come with the fixes of their own place', async () => {
    await pause();
    answers.shift()!(told('x'));
    await settle();
    expect(model.fixesOf(model.findings[0]).map(fix => fix.title)).toEqual(['Tag it']);
  });

  it('stay on show when the server cannot be asked', async () => {
    await pause();
    answers.shift()!(told('kept'));
    await settle();
    inspect.mockRejectedValue(new Error('gone'));
    edited.emit();
    await pause();
    expect(model.findings.length).toBe(1);
    expect(model.notice?.message).toBe('gone');
  });
});
