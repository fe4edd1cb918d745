using System.Collections;

namespace EmailRouter.Mime.Reports;

/// <summary>One group of fields of a report, e.g. those about one recipient, unfolded and decoded, in their order.</summary>
public sealed class ReportFields : IReadOnlyList<KeyValuePair<string, string>>
{
    private readonly List<KeyValuePair<string, string>> items = [];

    internal ReportFields()
    {
    }

    /// <inheritdoc/>
    public int Count => items.Count;

    /// <inheritdoc/>
    public KeyValuePair<string, string> this[int index] => items[index];

    /// <summary>Gets the value of the first field with a name.</summary>
    /// <param name="name">The field's name, e.g. <c>Diagnostic-Code</c>; case does not matter.</param>
    /// <returns>The value without line ends; null when there is no such field.</returns>
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

    /// <summary>Gets the values of all fields with a name.</summary>
    /// <param name="name">The field's name; case does not matter.</param>
    /// <returns>The values in order.</returns>
    public IReadOnlyList<string> GetAll(string name) =>
        [.. items.Where(item => item.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(static item => item.Value)];

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, string>> GetEnumerator() => items.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal void Add(string name, string value) => items.Add(new(name, value));

    internal string? Text(string name) => this[name] is { Length: > 0 } value ? value : null;

    internal DateTimeOffset? Date(string name) => MailDate.TryParse(this[name], out DateTimeOffset date) ? date : null;
}
