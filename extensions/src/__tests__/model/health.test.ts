import type { Board, Client } from '../../api/client';
import { RequestError } from '../../api/request';
import { HealthModel } from '../../model/health';
import { trans } from '../trans';

const board = (name: string, deployment: object | null = {}): Board =>
  ({ name, deployment }) as unknown as Board;

describe("a project's health", () => {
  let getBoard: jest.Mock;
  let listPredictions: jest.Mock;
  let model: HealthModel;

  beforeEach(() => {
    getBoard = jest.fn((project: string) => Promise.resolve(board(project)));
    listPredictions = jest.fn((project: string) =>
      Promise.resolve({ predictions: [{ id: `of ${project}` }] })
    );
    model = new HealthModel({ getBoard, listPredictions } as unknown as Client, trans);
  });

  it('is the board and the newest predictions', async () => {
    await model.ask('wine');
    expect(model.board).toEqual(board('wine'));
    expect(model.predictions).toEqual([{ id: 'of wine' }]);
    expect(model.notice).toBeNull();
  });

  it('asks for no predictions where nothing is deployed', async () => {
    getBoard.mockResolvedValue(board('wine', null));
    await model.ask('wine');
    expect(listPredictions).not.toHaveBeenCalled();
    expect(model.predictions).toEqual([]);
  });

  it('stays on show while there is no answer, and says so', async () => {
    await model.ask('wine');
    getBoard.mockRejectedValue(new RequestError('unreachable', 'cut', ''));
    await model.ask('wine');
    expect(model.board).toEqual(board('wine'));
    expect(model.notice?.trouble).toBe('unreachable');
  });

  it('is never that of the project before, whichever answer comes first', async () => {
    let late: (told: Board) => void = () => undefined;
    getBoard.mockImplementationOnce(() => new Promise<Board>(resolve => (late = resolve)));
    const first = model.ask('wine');
    await model.ask('cars');
    late(board('wine'));
    await first;
    expect(model.board).toEqual(board('cars'));
    expect(model.predictions).toEqual([{ id: 'of cars' }]);
  });

  it('does not show what went wrong with the project before', async () => {
    getBoard.mockRejectedValueOnce(new RequestError('unreachable', 'cut', ''));
    await model.ask('wine');
    getBoard.mockImplementationOnce(() => new Promise(() => undefined));
    void model.ask('cars');
    expect(model.board).toBeNull();
    expect(model.notice).toBeNull();
  });
});
