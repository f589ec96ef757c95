import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

/** A unified diff: added and removed lines keep their signs, so colour is not all that tells. */
export function DiffView(props: { diff: string; trans: TranslationBundle }): React.ReactElement {
  const lines = props.diff.split('\n');
  return (
    <pre
      className="jp-nbprod-code"
      tabIndex={0}
      aria-label={props.trans.__('What extraction would change on the disk')}
    >
      {props.diff === ''
        ? props.trans.__('The module on the disk is the same.')
        : lines.map((line, index) => (
            <div key={index} data-change={kindOf(line)}>
              {line || ' '}
            </div>
          ))}
    </pre>
  );
}

function kindOf(line: string): string | undefined {
  if (line.startsWith('+++') || line.startsWith('---') || line.startsWith('@@')) {
    return 'place';
  }
  return line.startsWith('+') ? 'added' : line.startsWith('-') ? 'removed' : undefined;
}
