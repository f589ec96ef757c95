import { drawCell } from '../../widgets/drawnCell';

function notebookOf(windowingMode: string, isDrawn: boolean): any {
  const cell = { dataset: {} as Record<string, string>, isPlaceholder: () => !isDrawn, ready: Promise.resolve() };
  const layout = { insertWidget: jest.fn() };
  return { widgets: [{}, cell], layout, notebookConfig: { windowingMode } };
}

describe('a cell that is to be seen', () => {
  it.each(['defer', 'contentVisibility'])('is drawn before its turn in mode %s', async mode => {
    const notebook = notebookOf(mode, false);
    await drawCell(notebook, 1);
    expect(notebook.layout.insertWidget).toHaveBeenCalledWith(1, notebook.widgets[1]);
    expect(notebook.widgets[1].dataset.windowedListIndex).toBe('1');
  });

  it.each([
    ['full', false],
    ['none', false],
    ['defer', true]
  ])('is left to Lab in mode %s', async (mode, isDrawn) => {
    const notebook = notebookOf(mode, isDrawn);
    await drawCell(notebook, 1);
    expect(notebook.layout.insertWidget).not.toHaveBeenCalled();
  });
});
