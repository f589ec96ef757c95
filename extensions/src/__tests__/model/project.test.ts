import type { Client, ProjectView } from '../../api/client';
import { RequestError } from '../../api/request';
import { Connection } from '../../model/connection';
import { ProjectModel } from '../../model/project';
import { trans } from '../trans';

const view = { path: 'wine', notebook: 'wine/train.ipynb', name: 'wine' } as unknown as ProjectView;

describe("the current notebook's project", () => {
  let getProject: jest.Mock;
  let connection: { isReady: boolean; check: jest.Mock; notice: object | null };
  let model: ProjectModel;

  beforeEach(() => {
    jest.useFakeTimers();
    getProject = jest.fn(() => Promise.resolve(view));
    connection = { isReady: true, check: jest.fn(() => Promise.resolve(false)), notice: null };
    const client = { getProject } as unknown as Client;
    model = new ProjectModel(client, connection as unknown as Connection, trans);
  });

  afterEach(() => jest.useRealTimers());

  it('is asked for when another notebook is looked at', async () => {
    await model.setPath('wine/train.ipynb');
    await model.setPath('wine/train.ipynb');
    expect(getProject.mock.calls).toEqual([['wine/train.ipynb']]);
    expect(model.view).toBe(view);
    expect(model.isTraining).toBe(true);
    await model.setPath('wine/other.ipynb');
    expect(model.isTraining).toBe(false);
  });

  it('goes when a notebook of another folder is looked at, and says why there is none', async () => {
    await model.setPath('wine/train.ipynb');
    getProject.mockRejectedValue(new RequestError('no-project', 'outside', 'create one'));
    await model.setPath('alone.ipynb');
    expect(model.view).toBeNull();
    expect(model.notice).toEqual({ trouble: 'no-project', message: 'outside', hint: 'create one' });
  });

  it('stays on show while the server does not answer, and is asked for again by itself', async () => {
    await model.setPath('wine/train.ipynb');
    getProject.mockRejectedValueOnce(new RequestError('unreachable', 'cut', ''));
    await model.refresh();
    expect(model.view).toBe(view);
    expect(model.notice?.message).toContain('does not answer');
    await jest.advanceTimersByTimeAsync(3000);
    expect(getProject).toHaveBeenCalledTimes(3);
    expect(model.notice).toBeNull();
  });

  it('is not asked of a server that does not understand', async () => {
    const notice = { trouble: 'old', message: 'too old', hint: '' };
    connection = Object.assign(connection, { isReady: false, notice });
    await model.setPath('wine/train.ipynb');
    expect(getProject).not.toHaveBeenCalled();
    expect(model.notice).toBe(notice);
  });

  it('is what the newest question found', async () => {
    const answers: ((found: ProjectView) => void)[] = [];
    getProject.mockImplementation(() => new Promise(resolve => answers.push(resolve)));
    const [first, second] = [model.setPath('a.ipynb'), model.setPath('wine/train.ipynb')];
    answers[1](view);
    answers[0]({ ...view, name: 'late' });
    await Promise.all([first, second]);
    expect(model.view?.name).toBe('wine');
  });
});
