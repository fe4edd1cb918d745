using System.Collections;

namespace EmailRouter.Mime;

/// <summary>
/// The parameters of a Content-Type or Content-Disposition header, decoded (RFC 2231, RFC 2047). Names are lower case, each once: the first wins.
/// </summary>
public sealed class ParameterList : IReadOnlyList<KeyValuePair<string, string>>
{
    private readonly List<KeyValuePair<string, string>> items;

    internal ParameterList(List<KeyValuePair<string, string>> items) => this.items = items;

    /// <inheritdoc/>
    public int Count => items.Count;

    internal static ParameterList Empty { get; } = new([]);

    /// <inheritdoc/>
    public KeyValuePair<string, string> this[int index] => items[index];

    /// <summary>Gets the value of a parameter.</summary>
    /// <param name="name">The parameter's name; case does not matter.</param>
    /// <returns>The decoded value, or null when there is no such parameter.</returns>
    public string? this[string name]
    {
        get
        {
            foreach (KeyValuePair<string, string> item in items)
            {
                if (item.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
                    return item.Value;
            }

            return null;
        }
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
