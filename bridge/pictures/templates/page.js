function show(choice) {
  document.querySelectorAll('[data-choice]').forEach(part => {
    part.hidden = part.dataset.choice !== choice;
    if (!part.hidden) part.querySelectorAll('.js-plotly-plot').forEach(Plotly.Plots.resize);
  });
  document.querySelectorAll('.choice button').forEach(button =>
    button.setAttribute('aria-pressed', button.textContent === choice));
}
document.querySelectorAll('.choice button').forEach(button =>
  button.addEventListener('click', () => show(button.textContent)));
document.querySelectorAll('th').forEach(head => head.addEventListener('click', () => {
  const body = head.closest('table').tBodies[0], column = head.cellIndex;
  const up = head.getAttribute('aria-sort') !== 'ascending';
  const order = new Intl.Collator(undefined, {numeric: true}).compare;
  const value = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
  const compare = (a, b) => {
    const [left, right] = [value(a), value(b)];
    if (left === '' || right === '') return (left === '') - (right === '');
    const both = head.classList.contains('number') ? left - right : order(left, right);
    return up ? both : -both;
  };
  head.parentNode.querySelectorAll('th').forEach(other => other.removeAttribute('aria-sort'));
  head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
  body.append(...Array.from(body.rows).sort(compare));
}));
