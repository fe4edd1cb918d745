using System.Collections;
using System.Text;
using EmailRouter.Mime.Headers;
using EmailRouter.Mime.Parsing;

namespace EmailRouter.Mime;

/// <summary>The header fields of a message or part in their order, duplicates included. Nothing is decoded before it is asked for.</summary>
public sealed class HeaderList : IReadOnlyList<Header>
{
    private readonly ParseContext context;
    private readonly HeaderSlice[] slices;
    private string?[]? values;

    internal HeaderList(ParseContext context, HeaderSlice[] slices)
    {
        this.context = context;
        this.slices = slices;
    }

    /// <inheritdoc/>
    public int Count => slices.Length;

    internal Func<Encoding?>? Fallback { get; set; }

    internal ParseContext Context => context;

    /// <inheritdoc/>
    public Header this[int index] => index < slices.Length ? new Header(this, index) : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>Gets the decoded value of the first field with a name.</summary>
    /// <param name="name">The name; case does not matter.</param>
    /// <returns>The value (see <see cref="Header.Value"/>), or null when there is no such field.</returns>
    public string? this[string name] => IndexOf(name) is >= 0 and int index ? ValueAt(index) : null;

    /// <summary>Tells whether there is a field with a name.</summary>
    /// <param name="name">The name; case does not matter.</param>
    /// <returns>Whether there is one.</returns>
    public bool Contains(string name) => IndexOf(name) >= 0;

    /// <summary>Finds the first field with a name.</summary>
    /// <param name="name">The name; case does not matter.</param>
    /// <param name="header">The field.</param>
    /// <returns>Whether there is one.</returns>
    public bool TryGet(string name, out Header header)
    {
        int index = IndexOf(name);
        header = index < 0 ? default : new Header(this, index);
        return index >= 0;
    }

    /// <summary>Gets the decoded values of all fields with a name, first to last.</summary>
    /// <param name="name">The name; case does not matter.</param>
    /// <returns>The values; empty when there is no such field.</returns>
    public IReadOnlyList<string> GetAll(string name)
    {
        List<string>? all = null;
        for (int index = IndexOf(name); index >= 0; index = IndexOf(name, index + 1))
            (all ??= []).Add(ValueAt(index));
        return all ?? (IReadOnlyList<string>)[];
    }

    /// <inheritdoc/>
    public IEnumerator<Header> GetEnumerator()
    {
        for (int index = 0; index < slices.Length; index++)
            yield return new Header(this, index);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal int IndexOf(string name, int from = 0)
    {
        ReadOnlySpan<byte> source = context.Source.Span;
        for (int index = from; index < slices.Length; index++)
        {
            ref readonly HeaderSlice slice = ref slices[index];
            if (slice.NameLength == name.Length && Ascii.EqualsIgnoreCase(source.Slice(slice.Start, slice.NameLength), name))
                return index;
        }

        return -1;
    }

    internal string NameAt(int index) => Encoding.Latin1.GetString(context.Source.Span.Slice(slices[index].Start, slices[index].NameLength));

    internal ReadOnlyMemory<byte> RawValueAt(int index) => context.Source[slices[index].ValueStart..slices[index].ValueEnd];

    internal ReadOnlyMemory<byte> RawAt(int index) => context.Source[slices[index].Start..slices[index].End];

    internal int OffsetAt(int index) => slices[index].Start;

    internal bool IsValidAt(int index) => slices[index].IsValid;

    internal string ValueAt(int index)
    {
        values ??= new string?[slices.Length];
        return values[index] ??= HeaderText.Decode(RawValueAt(index).Span, FallbackAt(index));
    }

    /// <summary>The value unfolded, with encoded words as they stand: for structured headers, which are taken apart before they are decoded.</summary>
    internal string UnfoldedAt(int index) => HeaderText.Unfold(RawValueAt(index).Span, FallbackAt(index));

    // The charset of the body is only looked for when a header has bytes that need one.
    private Encoding? FallbackAt(int index)
    {
        if (Fallback is null)
            return null;
        ReadOnlySpan<byte> raw = RawValueAt(index).Span;
        return Ascii.IsValid(raw) && !raw.Contains((byte)0x1b) ? null : Fallback();
    }
}
