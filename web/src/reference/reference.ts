// The reference's one script: the search, and the contents that follow the page. The
// page itself was written when the app was built.
import './reference.css';

import { find, nameOf, type Place } from './find';

const most = 40; // results

const box = document.querySelector<HTMLElement>('#find');
const input = document.querySelector<HTMLInputElement>('#find-input');
const list = document.querySelector<HTMLUListElement>('#find-list');
const said = document.querySelector<HTMLElement>('#find-said');

if (box && input && list && said) search(box, input, list, said);
followHash();

function placesOnPage(): Place[] {
  return [...document.querySelectorAll<HTMLElement>('[data-find]')].map((e) => ({
    id: e.id,
    kind: e.dataset.find ?? '',
    text: (e.querySelector(':scope > .about, :scope > dd > .about')?.textContent ?? '').toLowerCase(),
  }));
}

/** A combobox (ARIA 1.2): the focus stays in the field, the arrows move the choice. */
function search(around: HTMLElement, field: HTMLInputElement, results: HTMLUListElement, status: HTMLElement): void {
  around.hidden = false; // without this script there is nothing to find with
  let places: Place[] | undefined;
  let found: Place[] = [];
  let at = -1;

  const choose = (n: number) => {
    at = n;
    [...results.children].forEach((item, i) => item.setAttribute('aria-selected', String(i === n)));
    const item = results.children[n];
    if (item) field.setAttribute('aria-activedescendant', item.id);
    else field.removeAttribute('aria-activedescendant');
    item?.scrollIntoView({ block: 'nearest' });
  };
  const show = (open: boolean) => {
    results.hidden = !open;
    field.setAttribute('aria-expanded', String(open));
  };
  const look = () => {
    places ??= placesOnPage();
    found = find(field.value, places, most);
    results.replaceChildren(...found.map(item));
    show(found.length > 0);
    choose(found.length > 0 ? 0 : -1);
    status.textContent = field.value.trim() === '' ? '' : found.length === 0 ? 'Nothing has these words.' : found.length === most ? `The best ${most}` : found.length === 1 ? '1 result' : `${found.length} results`;
  };
  const go = (place: Place | undefined) => {
    if (!place) return;
    show(false);
    location.hash = `#${place.id}`;
    // The same place once more does not change the address, but is wanted.
    document.getElementById(place.id)?.scrollIntoView();
    focusOn(place.id);
  };

  function item(place: Place, i: number): HTMLLIElement {
    const li = document.createElement('li');
    li.id = `found-${i}`;
    li.setAttribute('role', 'option');
    const name = document.createElement('b');
    name.textContent = nameOf(place.id);
    const where = document.createElement('span');
    const owner = place.id.slice(0, Math.max(0, place.id.lastIndexOf('.')));
    where.textContent = owner && !['query', 'mutation', 'subscription'].includes(place.kind) ? `${place.kind} of ${owner}` : place.kind;
    li.append(name, ' ', where);
    li.addEventListener('pointerdown', (event) => event.preventDefault()); // the focus stays in the field
    li.addEventListener('click', () => go(place));
    return li;
  }

  field.addEventListener('input', look);
  field.addEventListener('focus', () => field.value && look());
  field.addEventListener('blur', () => show(false));
  field.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    if (event.key === 'ArrowDown' && found.length > 0) {
      if (results.hidden) show(true);
      choose((at + 1) % found.length);
    } else if (event.key === 'ArrowUp' && found.length > 0) choose((at - 1 + found.length) % found.length);
    else if (event.key === 'Enter') go(found[at]);
    else if (event.key === 'Escape' && !results.hidden) show(false);
    else if (event.key === 'Escape') {
      field.value = '';
      look();
    } else return;
    event.preventDefault();
  });
  addEventListener('keydown', (event) => {
    const typing = event.target instanceof Element && event.target.closest('input') !== null;
    const asked = (event.key === 'k' && (event.ctrlKey || event.metaKey)) || (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey);
    if (!asked) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
}

/** Moves the focus to a place, for who reads on by keyboard or listens. */
function focusOn(id: string): void {
  document.getElementById(id)?.querySelector<HTMLElement>('.anchor')?.focus({ preventScroll: true });
}

/** Opens the group of the contents in which the place of the address is. */
function followHash(): void {
  const follow = () => {
    const id = decodeURIComponent(location.hash.slice(1));
    const article = document.getElementById(id)?.closest('article');
    document.querySelector('.ref-nav [aria-current]')?.removeAttribute('aria-current');
    const link = article && document.querySelector<HTMLElement>(`.ref-nav a[href="#${CSS.escape(article.id)}"]`);
    if (!link) return;
    link.setAttribute('aria-current', 'location');
    const group = link.closest('details');
    if (group && matchMedia('(min-width: 896px)').matches) group.open = true;
    const nav = link.closest<HTMLElement>('.ref-nav');
    if (nav && nav.scrollHeight > nav.clientHeight) nav.scrollTop += link.getBoundingClientRect().top - nav.getBoundingClientRect().top - nav.clientHeight / 2;
  };
  addEventListener('hashchange', follow);
  follow();
}
