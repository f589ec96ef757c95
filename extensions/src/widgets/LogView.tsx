import { TranslationBundle } from '@jupyterlab/translation';
import * as React from 'react';

import type { JobLog } from '../api/client';
import { RequestError } from '../api/request';

export interface ILogViewProps {
  jobId: string;
  read: (jobId: string, offset: number) => Promise<JobLog>;
  trans: TranslationBundle;
}

const PAUSE_MS = 500;
/** A longer log is shown from its end; the server keeps all of it. */
const MOST_SHOWN = 200_000;

/** What a job prints, as it prints it. */
export function LogView(props: ILogViewProps): React.ReactElement {
  const [text, setText] = React.useState('');
  const [trouble, setTrouble] = React.useState('');
  const end = React.useRef<HTMLPreElement>(null);
  const { jobId, read } = props;

  React.useEffect(() => {
    let isGone = false;
    let offset = 0;
    const follow = async (): Promise<void> => {
      while (!isGone) {
        try {
          const log = await read(jobId, offset);
          if (isGone) {
            return;
          }
          offset = log.next_offset;
          setTrouble('');
          if (log.text) {
            setText(before => (before + log.text).slice(-MOST_SHOWN));
          }
          if (log.complete) {
            return;
          }
        } catch (error) {
          setTrouble(error instanceof Error ? error.message : String(error));
          if (error instanceof RequestError && error.trouble === 'refused') {
            return; // the server knows no such job any more
          }
        }
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
      }
    };
    setText('');
    void follow();
    return () => {
      isGone = true;
    };
  }, [jobId]);

  React.useEffect(() => {
    end.current?.scrollTo?.({ top: end.current.scrollHeight });
  }, [text]);

  return (
    <pre
      ref={end}
      className="jp-nbprod-log"
      tabIndex={0}
      role="log"
      aria-label={props.trans.__('Log of the job')}
    >
      {[text, trouble].filter(Boolean).join('\n') || props.trans.__('Nothing was printed yet.')}
    </pre>
  );
}
