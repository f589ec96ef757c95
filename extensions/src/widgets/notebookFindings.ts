import { Cell } from '@jupyterlab/cells';
import { Notebook } from '@jupyterlab/notebook';
import { TranslationBundle } from '@jupyterlab/translation';
import { IDisposable } from '@lumino/disposable';
import { Signal } from '@lumino/signaling';

import type { QuickFix } from '../api/client';
import { InspectionModel } from '../model/inspection';
import { drawCount, ICount } from './badge';
import { IMark, showMarks } from './diagnostics';
import { severityInWords } from './FindingList';

const ORDER = ['error', 'warning', 'info'] as const;

/** Shows one notebook's findings where they belong: at their lines, and counted above each cell. */
export class NotebookFindings implements IDisposable {
  constructor(
    private notebook: Notebook,
    private inspection: InspectionModel,
    private trans: TranslationBundle,
    private on: { fix: (fix: QuickFix) => void; open: (cell: Cell, line: number) => void }
  ) {
    inspection.changed.connect(this.drawAll, this);
    notebook.cellInViewportChanged.connect(this.drawOne, this);
    this.drawAll();
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  dispose(): void {
    if (!this._isDisposed) {
      this._isDisposed = true;
      Signal.clearData(this);
    }
  }

  private drawAll(): void {
    this.marks = new Map();
    for (const finding of this.inspection.findings) {
      if (finding.cell_id) {
        const marks = this.marks.get(finding.cell_id) ?? [];
        this.marks.set(finding.cell_id, marks);
        marks.push({ finding, fixes: this.inspection.fixesOf(finding) });
      }
    }
    this.notebook.widgets.forEach(cell => this.drawOne(this.notebook, cell));
  }

  private drawOne(_: Notebook, cell: Cell): void {
    const marks = this.marks.get(cell.model.id) ?? [];
    if (cell.isDisposed || (cell.isPlaceholder() && !marks.length)) {
      return;
    }
    void cell.ready.then(() => {
      if (cell.isDisposed) {
        return;
      }
      const now = this.marks.get(cell.model.id) ?? [];
      showMarks(cell, now, this.on.fix);
      const header = cell.node.querySelector<HTMLElement>('.jp-CellHeader');
      if (header) {
        drawCount(header, this.countOf(now), () => this.open(cell));
      }
    });
  }

  private open(cell: Cell): void {
    const marks = this.marks.get(cell.model.id) ?? [];
    this.on.open(cell, marks[0]?.finding.line ?? 1);
  }

  private countOf(marks: readonly IMark[]): ICount | null {
    const worst = ORDER.find(name => marks.some(mark => mark.finding.severity === name));
    if (!worst) {
      return null;
    }
    const texts = ORDER.map(name => {
      const count = marks.filter(mark => mark.finding.severity === name).length;
      return count ? `${count} × ${severityInWords(name, this.trans)}` : '';
    }).filter(Boolean);
    const messages = marks.map(({ finding }) => `${finding.code} ${finding.message}`);
    const text = texts.join(', ');
    return { text, severity: worst, description: [text, ...messages].join('\n') };
  }

  private marks = new Map<string, IMark[]>();
  private _isDisposed = false;
}
