import { Cell } from '@jupyterlab/cells';
import { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { Diagnostic, lintGutter, setDiagnostics } from '@codemirror/lint';
import { StateEffect } from '@codemirror/state';
import { EditorView } from '@codemirror/view';

import type { Finding, QuickFix } from '../api/client';

/** A finding of one cell with what can be done about it. */
export interface IMark {
  finding: Finding;
  fixes: QuickFix[];
}

const shown = new WeakMap<EditorView, string>();
const withGutter = new WeakSet<EditorView>();

/** Show findings at their lines in a cell's editor, as a linter does; none clears them. */
export function showMarks(cell: Cell, marks: readonly IMark[], onFix: (fix: QuickFix) => void): void {
  const view = viewOf(cell);
  const key = JSON.stringify(marks);
  if (!view || (shown.get(view) ?? '[]') === key) {
    return;
  }
  shown.set(view, key);
  if (marks.length && !withGutter.has(view)) {
    withGutter.add(view);
    view.dispatch({ effects: StateEffect.appendConfig.of(lintGutter()) });
  }
  const diagnostics = marks.map(mark => diagnosticOf(view, mark, onFix));
  view.dispatch(setDiagnostics(view.state, diagnostics));
}

function viewOf(cell: Cell): EditorView | null {
  const editor = cell.isDisposed ? null : cell.editor;
  return editor instanceof CodeMirrorEditor ? editor.editor : null;
}

function diagnosticOf(view: EditorView, mark: IMark, onFix: (fix: QuickFix) => void): Diagnostic {
  const { finding, fixes } = mark;
  const { doc } = view.state;
  // The text may have moved on since it was looked at.
  const line = doc.line(Math.min(Math.max(finding.line ?? 1, 1), doc.lines));
  const indent = line.text.length - line.text.trimStart().length;
  return {
    from: Math.min(line.from + indent, line.to),
    to: line.to,
    severity: finding.severity,
    source: `nbprod ${finding.code}`,
    message: [finding.message, finding.hint].filter(Boolean).join('\n'),
    actions: fixes.map(fix => ({ name: fix.title, apply: () => onFix(fix) }))
  };
}
