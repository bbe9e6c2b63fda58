import { describe, expect, it } from 'vitest';
import { caretAfter, failed, isSaved, merge, newPad, outrun, type Pad, restored, saved, sent, toKeep, told, typed } from './pad';

describe('two texts of one', () => {
  it.each([
    ['nobody wrote', 'a', 'a', 'a', 'a'],
    ['only I wrote', 'a', 'a\nb', 'a', 'a\nb'],
    ['only they wrote', 'a', 'a', 'a\nb', 'a\nb'],
    ['both wrote the same', 'a', 'b', 'b', 'b'],
    ['on an empty pad', '', 'mine', 'theirs', 'theirs\nmine'],
    ['below', 'a', 'a\nmine', 'a\ntheirs', 'a\ntheirs\nmine'],
    ['above and below', 'a', 'mine\na', 'a\ntheirs', 'mine\na\ntheirs'],
    ['in lines of their own', 'a\nb\nc', 'A\nb\nc', 'a\nb\nC', 'A\nb\nC'],
    ['one took a line out', 'a\nb\nc', 'a\nc', 'a\nb\nc\nd', 'a\nc\nd'],
    ['in the same line', 'a', 'a b', 'a c', 'a c\na b'],
    ['one typed on where the other began', '', 'Jule on', 'Jule on the phone', 'Jule on the phone'],
    ['I typed on where they stopped', '', 'Jule on the phone', 'Jule on', 'Jule on the phone'],
    ['one cleared it and the other added a line', 'a\nb', '', 'a\nb\nc', '\nc'],
  ])('%s', (_, base, mine, theirs, want) => {
    expect(merge(base, mine, theirs)).toBe(want);
  });

  it('keeps every line that anybody added, whatever they did', () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    let n = 0;
    const change = (text: string, who: string) => {
      const lines = text.split('\n');
      const added: string[] = [];
      for (let i = random(3); i >= 0; i--) {
        const line = `${who}${n++}.`;
        added.push(line);
        lines.splice(random(lines.length + 1), random(2), line);
      }
      return { text: lines.join('\n'), added: added.filter((l) => lines.includes(l)) };
    };
    for (let i = 0; i < 2000; i++) {
      const base = Array.from({ length: random(6) }, (_, l) => `line ${l % 3}`).join('\n');
      const [mine, theirs] = [change(base, 'm'), change(base, 't')];
      const made = merge(base, mine.text, theirs.text).split('\n');
      for (const line of [...mine.added, ...theirs.added]) expect(made, `${JSON.stringify([base, mine.text, theirs.text])} lost ${line}`).toContain(line);
    }
  });
});

describe('two windows and a server', () => {
  /** Answers as the server does. */
  const server = () => {
    let [text, revision] = ['', 0];
    return {
      now: () => ({ text, revision }),
      save(pad: Pad): Pad {
        if (pad.sending === undefined || pad.sending === text) return pad.sending === undefined ? pad : saved(pad, revision);
        if (pad.revision !== revision) return outrun(pad, text, revision);
        text = pad.sending;
        revision++;
        return saved(pad, revision);
      },
    };
  };

  it('come to one text, whatever the order of typing, sending, answers and news', () => {
    let seed = 11;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 300; round++) {
      const s = server();
      const pads = [newPad('', 0), newPad('', 0)];
      const words: string[] = [];
      const act = (i: number) => {
        const pad = pads[i] as Pad;
        switch (random(4)) {
          case 0: {
            const word = `w${i}.${words.length}`;
            words.push(word);
            pads[i] = typed(pad, random(2) ? `${pad.text}\n${word}` : `${word}\n${pad.text}`);
            break;
          }
          case 1:
            if (pad.sending === undefined && !isSaved(pad)) pads[i] = sent(pad);
            break;
          case 2:
            pads[i] = random(5) === 0 && pad.sending !== undefined ? failed(pad, 'away') : s.save(pad);
            break;
          default:
            pads[i] = told(pad, s.now().text, s.now().revision);
        }
      };
      for (let k = 0; k < 40; k++) act(random(2));
      for (let k = 0; k < 20 && !pads.every((p) => isSaved(p) && p.text === s.now().text); k++) {
        for (const i of [0, 1]) {
          pads[i] = s.save(pads[i] as Pad);
          pads[i] = told(pads[i] as Pad, s.now().text, s.now().revision);
          if (!isSaved(pads[i] as Pad)) pads[i] = s.save(sent(pads[i] as Pad));
        }
      }
      for (const pad of pads) expect(pad.text).toBe(s.now().text);
      for (const word of words) expect(s.now().text, `round ${round} lost ${word}`).toContain(word);
    }
  });

  it('do not repeat what was saved, whichever comes first, the answer or the news of it', () => {
    const writing = typed(sent(typed(newPad('', 0), 'hello')), 'hello w');
    const news = told(told(writing, 'hello', 1), 'hello\nfoo', 2);
    expect(news.text).toBe('hello w');
    expect(saved(news, 1)).toMatchObject({ text: 'hello w\nfoo', base: 'hello\nfoo', revision: 2, sending: undefined });
    expect(saved(told(writing, 'hello', 1), 1)).toMatchObject({ text: 'hello w', base: 'hello', revision: 1 });
  });

  it('ignore old news', () => {
    const pad = newPad('now', 5);
    expect(told(pad, 'before', 4)).toBe(pad);
  });
});

it('keeps what was not saved when the page was left', () => {
  const left = toKeep(typed(newPad('a', 1), 'a\nmine'));
  expect(restored(newPad('a\ntheirs', 2), left)).toMatchObject({ text: 'a\ntheirs\nmine', base: 'a\ntheirs', revision: 2 });
  expect(toKeep(newPad('a', 1))).toBe('');
});

it.each(['', 'null', '{', '{"text":1}', '"x"'])('takes nothing from %s', (kept) => {
  expect(restored(newPad('a', 1), kept).text).toBe('a');
});

it('takes out what would be refused', () => {
  expect(typed(newPad('', 0), 'a\r\nb\u0007\tc\u009b').text).toBe('a\nb\tc');
});

it.each([
  ['typing on below what came above', 'a\nmine', 'theirs\na\nmine', 6, 13],
  ['before what came below', 'mine\na', 'mine\na\ntheirs', 4, 4],
])('the caret stays with its words: %s', (_, before, after, caret, want) => {
  expect(caretAfter(before, after, caret)).toBe(want);
});
