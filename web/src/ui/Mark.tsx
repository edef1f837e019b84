/** The name and its sign. */
export function Mark({ small = false }: { small?: boolean }) {
  return (
    <span className="mark">
      <img src="/icon.svg" alt="" width={small ? 24 : 28} height={small ? 24 : 28} />
      <span>Headwater</span>
    </span>
  );
}
