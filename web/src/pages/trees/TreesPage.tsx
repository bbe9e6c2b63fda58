import { useTitle } from '../../layout/useTitle';

export default function TreesPage() {
  useTitle('Trees');
  return (
    <div className="page">
      <div className="page-head">
        <h1>Trees</h1>
      </div>
    </div>
  );
}
