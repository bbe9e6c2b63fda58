import { useEffect, useState } from 'react';
import type { Failure } from '../api/errors';
import { words as all } from '../messages/walk';
import { takeBack, useUnsent } from './unsent';

const words = all.unsent;

/** The fields into which notes go back, with what is in them. */
export interface NoteFields {
  note: string;
  setNote: (text: string) => void;
  output: string;
  setOutput: (text: string) => void;
}

/**
 * Takes back what the server refused of a walk: the problem says what was not taken, and
 * its notes go into their fields again. Where there are none, as the walk is over, it says
 * them too.
 */
export function useRefused(userId: string, walkId: string, fields?: NoteFields): { problem: Failure | undefined; setProblem: (problem: Failure | undefined) => void } {
  const [problem, setProblem] = useState<Failure>();
  const { refused, list } = useUnsent(userId, walkId);
  useEffect(() => {
    if (!refused) return;
    const texts = list.flatMap(({ deed }) => (deed.what === 'advance' ? [{ note: deed.note, output: deed.output }] : deed.what === 'note' ? [{ note: deed.text, output: deed.output }] : []));
    const join = (...parts: string[]) => parts.filter((part) => part.trim() !== '').join('\n');
    const note = join(...texts.map((t) => t.note), fields?.note ?? '');
    const output = join(...texts.map((t) => t.output), fields?.output ?? '');
    fields?.setNote(note);
    fields?.setOutput(output);
    const noted = note || output ? (fields ? words.noteBack : words.noteWas(join(note, output))) : '';
    setProblem({ ...refused, message: [refused.message, `${words.notTaken(list.map((s) => s.said).join(', '))}.`, noted].filter(Boolean).join(' ') });
    takeBack(userId, walkId);
  });
  return { problem, setProblem };
}
