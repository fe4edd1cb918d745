namespace EmailRouter.Mime;

/// <summary>One header field of a message or part.</summary>
public readonly struct Header
{
    private readonly HeaderList list;
    private readonly int index;

    internal Header(HeaderList list, int index)
    {
        this.list = list;
        this.index = index;
    }

    /// <summary>Gets the name as it was sent; empty when the line has no colon.</summary>
    public string Name => list.NameAt(index);

    /// <summary>Gets the bytes after the colon, folded as they were sent, without the last line end. Of a line without a colon: the whole line.</summary>
    public ReadOnlyMemory<byte> RawValue => list.RawValueAt(index);

    /// <summary>Gets the bytes of the whole field, line end included.</summary>
    public ReadOnlyMemory<byte> Raw => list.RawAt(index);

    /// <summary>
    /// Gets the value, unfolded, trimmed and decoded (RFC 2047, RFC 6532; 8-bit text that is not UTF-8 by the body's charset, else windows-1252).
    /// It never holds CR, LF or NUL.
    /// </summary>
    public string Value => list.ValueAt(index);

    /// <summary>Gets a value indicating whether the field has a name that RFC 5322 allows.</summary>
    public bool IsValid => list.IsValidAt(index);

    /// <inheritdoc/>
    public override string ToString() => $"{Name}: {Value}";
}
