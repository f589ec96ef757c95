import { request } from '../../api/request';
import { Client, Job } from '../../api/client';
import { JobsModel } from '../../model/jobs';
import { trans } from '../trans';

jest.mock('../../api/request', () => ({
  request: jest.fn(),
  segment: encodeURIComponent,
  RequestError: class extends Error {
    constructor(
      readonly trouble: string,
      message: string,
      readonly hint: string,
      readonly problem: object | null = null
    ) {
      super(message);
    }
  }
}));
const { RequestError } = jest.requireMock('../../api/request');
const asked = request as jest.MockedFunction<typeof request>;

const job = (state: string, id = '1'): Job =>
  ({ id, state, project: 'p', verb: 'parity', command: ['nbprod', 'parity'] }) as unknown as Job;

/** Lets the model's promises run. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) {
    await Promise.resolve();
  }
};

describe('jobs', () => {
  let answers: ((text: string) => void)[];
  let model: JobsModel;

  beforeEach(() => {
    jest.useFakeTimers();
    answers = [];
    asked.mockReset();
    asked.mockImplementation(() => new Promise(resolve => answers.push(resolve)));
    model = new JobsModel(new Client(), trans);
  });

  afterEach(() => {
    model.dispose();
    jest.useRealTimers();
  });

  const answer = async (jobs: Job[], revision: number): Promise<void> => {
    answers.shift()!(JSON.stringify({ jobs, revision }));
    await settle();
  };

  it('are asked for at once, then waited for from the last revision on', async () => {
    model.follow();
    model.follow();
    await answer([job('running')], 7);
    expect(model.of('p').map(item => item.state)).toEqual(['running']);
    expect(model.of('q')).toEqual([]);
    expect(asked.mock.calls[0][1]?.query?.since).toBeUndefined();
    expect(asked.mock.calls[1][1]?.query).toMatchObject({ since: 7, wait_s: 20 });
  });

  it('tell of an end that was watched, and of no other', async () => {
    const ended: string[] = [];
    model.ended.connect((_, item) => ended.push(item.id));
    model.follow();
    await answer([job('running', '1'), job('done', '2')], 1);
    await answer([job('done', '1'), job('done', '2')], 2);
    expect(ended).toEqual(['1']);
  });

  it('stay on show while the network is cut, and come back by themselves', async () => {
    model.follow();
    await answer([job('running')], 1);
    asked.mockImplementationOnce(() => Promise.reject(new RequestError('unreachable', 'no', '')));
    await answer([job('running')], 2);
    await settle();
    expect(model.notice?.trouble).toBe('unreachable');
    expect(model.all.length).toBe(1);
    jest.advanceTimersByTime(600);
    await settle();
    await answer([job('done')], 3);
    expect(model.notice).toBeNull();
    expect(model.all[0].state).toBe('done');
  });

  it('that ended with their server say so, and stay on show', async () => {
    const ended: string[] = [];
    model.ended.connect((_, item) => ended.push(`${item.state}: ${item.error?.hint}`));
    model.follow();
    await answer([job('running', '1'), job('done', '2')], 40);
    const gone = new RequestError('refused', 'no such job', '', { status: 404 });
    asked.mockImplementationOnce(() => Promise.reject(gone));
    await answer([], 2);
    expect(model.all.map(item => [item.id, item.state])).toEqual([['1', 'failed']]);
    expect(ended).toEqual(['failed: What was finished before is kept: start it again.']);
    await answer([job('running', '3')], 3);
    expect(model.of('p').map(item => item.id)).toEqual(['3', '1']);
  });

  it('that an older answer does not have yet are not taken for lost', async () => {
    model.follow();
    const started = model.start(client => client.start('parity-reports', 'p'));
    answers.splice(1, 1)[0](JSON.stringify(job('running', '9')));
    await started;
    await answer([], 1);
    answers.shift()!(JSON.stringify(job('running', '9')));
    await settle();
    await answer([job('running', '9')], 2);
    expect(model.all.map(item => [item.id, item.state])).toEqual([['9', 'running']]);
  });
});
