import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { Preview, PreviewFile } from '../api/client';
import { cellAt, placeOf } from '../model/preview';
import type { INotice } from '../model/trouble';
import { DiffView } from './DiffView';
import { moveByKeys } from './lineKeys';
import { Notice } from './Notice';

export interface IModulePreviewProps {
  preview: Preview | null;
  notice: INotice | null;
  /** The cell that is active in the notebook: its lines are marked. */
  cellId: string | null;
  onPlace: (cellId: string, line: number) => void;
  trans: TranslationBundle;
}

const DIFF = '\0diff';

/** The module as it would be extracted now, each line a way back to its cell; or what it changes. */
export function ModulePreview(props: IModulePreviewProps): React.ReactElement {
  const { preview, notice, trans } = props;
  const [chosen, choose] = React.useState('');
  const place = preview && props.cellId ? placeOf(preview, props.cellId) : null;

  React.useEffect(() => {
    if (place && chosen !== DIFF) {
      choose(place.path);
    }
  }, [props.cellId, place?.path]);

  if (!preview) {
    return (
      <Notice
        message={notice?.message ?? trans.__('The module is being made…')}
        hint={notice?.hint ?? ''}
      />
    );
  }
  const file = preview.files.find(item => item.path === chosen) ?? preview.files[0];
  return (
    <div className="jp-nbprod-module">
      {notice && <Notice message={notice.message} hint={notice.hint} />}
      {preview.files.length === 0 &&
        preview.findings
          .filter(finding => finding.severity === 'error')
          .map((finding, index) => (
            <Notice
              key={index}
              message={`${finding.code} ${finding.message}`}
              hint={finding.hint}
              action={
                finding.cell_id
                  ? {
                      label: trans.__('Show the cell'),
                      onClick: () => props.onPlace(finding.cell_id ?? '', finding.line ?? 1)
                    }
                  : undefined
              }
            />
          ))}
      <label className="jp-nbprod-module-choice">
        {trans.__('File')}{' '}
        <select value={chosen === DIFF ? DIFF : file?.path} onChange={e => choose(e.target.value)}>
          {preview.files.map(item => (
            <option key={item.path} value={item.path}>
              {fileLabel(item, trans)}
            </option>
          ))}
          <option value={DIFF}>{trans.__('What would change on the disk')}</option>
        </select>
      </label>
      {chosen === DIFF ? (
        <DiffView diff={preview.diff} trans={trans} />
      ) : (
        file && <Lines {...props} file={file} />
      )}
    </div>
  );
}

function Lines(props: IModulePreviewProps & { file: PreviewFile }): React.ReactElement {
  const { file, trans } = props;
  const first = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    first.current?.scrollIntoView?.({ block: 'nearest' });
  }, [props.cellId, file.path]);

  const lines = file.text.split('\n');
  const cells = lines.map((_, index) => cellAt(file, index + 1));
  const firstActive = cells.findIndex(cell => cell !== null && cell.cellId === props.cellId);
  const stop = firstActive < 0 ? cells.findIndex(cell => cell !== null) : firstActive;
  return (
    <div
      className="jp-nbprod-code"
      role="group"
      tabIndex={stop < 0 ? 0 : undefined}
      aria-label={trans.__('%1, arrow keys move from line to line', file.path)}
      onKeyDown={moveByKeys}
    >
      {lines.map((text, index) => {
        const cell = cells[index];
        return cell ? (
          <button
            key={index}
            ref={index === firstActive ? first : undefined}
            type="button"
            tabIndex={index === stop ? 0 : -1}
            data-active={cell.cellId === props.cellId}
            title={trans.__('Line %1 of its cell: show it', cell.line)}
            onClick={() => props.onPlace(cell.cellId, cell.line)}
          >
            <span className="jp-nbprod-line">{index + 1}</span>
            {text}
          </button>
        ) : (
          <div key={index}>
            <span className="jp-nbprod-line">{index + 1}</span>
            {text}
          </div>
        );
      })}
    </div>
  );
}

function fileLabel(file: PreviewFile, trans: TranslationBundle): string {
  if (file.edited) {
    return trans.__('%1 (edited by hand)', file.path);
  }
  return file.changed ? trans.__('%1 (differs)', file.path) : file.path;
}
