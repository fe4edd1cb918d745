using System.Globalization;
using System.Xml;
using System.Xml.Linq;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Organization.Soap;

/// <summary>The answer to one message: its results by name, or the server's fault.</summary>
internal sealed class OrganizationAnswer
{
    private readonly Dictionary<string, XElement> results = new(StringComparer.Ordinal);

    private OrganizationAnswer(ServerFault? fault, XElement? results)
    {
        Fault = fault;
        foreach (XElement pair in results?.Elements() ?? [])
        {
            if (pair.Child("key")?.Value is { } key && pair.Child("value") is { } value)
                this.results[key] = value;
        }
    }

    /// <summary>Makes an answer of results.</summary>
    /// <param name="results">The results by name.</param>
    /// <returns>The answer.</returns>
    public static OrganizationAnswer Succeeded(IReadOnlyDictionary<string, XElement> results)
    {
        var answer = new OrganizationAnswer(null, null);
        foreach ((string name, XElement value) in results)
            answer.results[name] = value;
        return answer;
    }

    /// <summary>Makes an answer of a fault.</summary>
    /// <param name="fault">The fault.</param>
    /// <returns>The answer.</returns>
    public static OrganizationAnswer Failed(ServerFault fault) => new(fault, null);

    /// <summary>Gets the fault; null for a success.</summary>
    public ServerFault? Fault { get; }

    /// <summary>Finds a result.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The result; null when it is missing or null.</returns>
    public XElement? Result(string name) => results.TryGetValue(name, out XElement? value) && !value.IsNil() ? value : null;

    /// <summary>Finds an id among the results.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The id; null for none.</returns>
    public Guid? Id(string name) => Guid.TryParse(Result(name)?.Value, out Guid id) ? id : null;

    /// <summary>Reads the answers to the parts of ExecuteMultiple.</summary>
    /// <param name="count">How many were asked.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The answers, in the order of the requests; null for those that were not done.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public OrganizationAnswer?[] Parts(int count, string what)
    {
        var parts = new OrganizationAnswer?[count];
        XElement items = Result("Responses") ?? throw AnswerErrors.Unreadable(what, "it has no responses");
        foreach (XElement item in items.Elements())
        {
            if (!int.TryParse(item.Child("RequestIndex")?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int index) || index >= count)
                throw AnswerErrors.Unreadable(what, "a response belongs to no request");
            parts[index] = item.Child("Fault") is { } fault && !fault.IsNil()
                ? new OrganizationAnswer(ReadFault(fault), null)
                : new OrganizationAnswer(null, item.Child("Response")?.Child("Results"));
        }

        return parts;
    }

    /// <summary>Reads what stands in the body of an answer.</summary>
    /// <param name="body">The first element of the body.</param>
    /// <param name="what">What was asked for, in words.</param>
    /// <returns>The answer.</returns>
    /// <exception cref="CrmException"><c>CrmAnswerUnreadable</c>.</exception>
    public static OrganizationAnswer Read(XElement body, string what)
    {
        if (body.Name.LocalName == "Fault")
            return new OrganizationAnswer(FaultOf(body), null);
        XElement result = body.Child("ExecuteResult") ?? throw AnswerErrors.Unreadable(what, $"it is {body.Name.LocalName} and no ExecuteResult");
        return new OrganizationAnswer(null, result.Child("Results"));
    }

    private static ServerFault FaultOf(XElement fault)
    {
        // SOAP 1.1 and 1.2 name the parts of a fault differently.
        XElement? detail = (fault.Child("detail") ?? fault.Child("Detail"))?.Elements().FirstOrDefault(e => e.Child("ErrorCode") is not null);
        string? reason = (fault.Child("faultstring") ?? fault.Child("Reason")?.Child("Text"))?.Value;
        return detail is null ? new ServerFault(0, 0, reason ?? "The server gives no reason.") : ReadFault(detail);
    }

    private static ServerFault ReadFault(XElement fault)
    {
        // A plug-in's fault wraps the one that tells why.
        string message = fault.Child("Message")?.Value.Trim() ?? string.Empty;
        if (fault.Child("InnerFault") is { } inner && !inner.IsNil() && inner.Child("Message")?.Value.Trim() is { Length: > 0 } cause &&
            !message.Contains(cause, StringComparison.Ordinal))
            message = message.Length == 0 ? cause : $"{message} {cause}";
        uint code = long.TryParse(fault.Child("ErrorCode")?.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            ? unchecked((uint)number) : 0;
        XElement? wait = fault.Child("ErrorDetails")?.Elements().FirstOrDefault(e => e.Child("key")?.Value is "Retry-After" or "RetryAfter");
        return new ServerFault(0, code, message) { RetryAfter = ReadWait(wait?.Child("value")?.Value) };
    }

    private static TimeSpan? ReadWait(string? text)
    {
        if (text is null)
            return null;
        try
        {
            return text.StartsWith('P') ? XmlConvert.ToTimeSpan(text)
                : double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) &&
                    seconds < 1e6 ? TimeSpan.FromSeconds(seconds)
                : TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out TimeSpan wait) ? wait : null;
        }
        catch (FormatException)
        {
            // A wait that cannot be read is as good as none: the usual one is taken.
            return null;
        }
    }
}
