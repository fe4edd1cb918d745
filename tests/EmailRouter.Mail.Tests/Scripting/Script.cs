using System.Text;
using System.Text.RegularExpressions;

namespace EmailRouter.Mail.Tests.Scripting;

/// <summary>
/// A conversation as text. <c>C:</c> is what the client must say (<c>***</c> stands for anything), <c>S:</c> what the server says; both may stand on one
/// line, two blanks apart; <c>\r\n</c> parts several lines of the server. <c>S! </c> sends a line without its end. In parentheses:
/// <c>S: (close)</c>, <c>S: (stall)</c>, <c>C: (tls)</c> for the handshake, <c>C: (data)</c> for everything up to the final dot,
/// <c>C: (refused)</c> for a write that fails since the server has closed the connection.
/// <c>S: (wait 9)</c> lets nine minutes pass in silence, until the client speaks. <c>{{text}}</c> is an IMAP literal with its length.
/// <c>--</c> begins another connection, <c>#</c> a comment.
/// </summary>
public sealed partial class Script
{
    private Script(IReadOnlyList<IReadOnlyList<ScriptItem>> connections) => Connections = connections;

    public IReadOnlyList<IReadOnlyList<ScriptItem>> Connections { get; }

    public static Script Parse(string text)
    {
        var connections = new List<IReadOnlyList<ScriptItem>>();
        var items = new List<ScriptItem>();
        foreach (string raw in text.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            string line = raw.Trim();
            if (line.Length == 0 || line.StartsWith('#'))
                continue;
            if (line == "--")
            {
                connections.Add(items);
                items = [];
                continue;
            }

            string[] sides = Sides().Split(line);
            foreach (string side in sides.Where(s => s.Length > 0))
                items.Add(ParseSide(side.Trim()));
        }

        connections.Add(items);
        return new Script(connections);
    }

    /// <summary>Reads a script that is named after the server whose ways it shows.</summary>
    public static Script Load(string protocol, string name) =>
        Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, protocol, "Scripts", name + ".txt")));

    /// <summary>The same script, cut behind so many items, where the server then closes the connection.</summary>
    public Script CutAfter(int items) => CutAfter(items, new ScriptItem(ScriptKind.Close, "(close)", []));

    /// <summary>The same script, cut behind so many items, and what happens then. Further connections are closed at once.</summary>
    public Script CutAfter(int items, params ScriptItem[] then) =>
        new([[.. Connections[0].Take(items), .. then], [new ScriptItem(ScriptKind.Close, "(close)", [])]]);

    [GeneratedRegex(@"\s{2,}(?=[CS][:!])")]
    private static partial Regex Sides();

    [GeneratedRegex(@"\{\{(.*?)\}\}", RegexOptions.Singleline)]
    private static partial Regex Literals();

    private static ScriptItem ParseSide(string side)
    {
        string text = side.Length > 3 ? side[3..] : string.Empty;
        switch (side[..2])
        {
            case "C:" when text == "(tls)":
                return new ScriptItem(ScriptKind.Tls, text, []);
            case "C:" when text == "(refused)":
                return new ScriptItem(ScriptKind.Refused, text, []);
            case "C:" when text == "(data)":
                return new ScriptItem(ScriptKind.Data, text, []);
            case "C:":
                return new ScriptItem(ScriptKind.Client, text, []);
            case "S:" when text == "(close)":
                return new ScriptItem(ScriptKind.Close, text, []);
            case "S:" when text == "(stall)":
                return new ScriptItem(ScriptKind.Stall, text, []);
            case "S:" when text.StartsWith("(wait ", StringComparison.Ordinal):
                return new ScriptItem(ScriptKind.Wait, text, []) { Minutes = int.Parse(text[6..^1], System.Globalization.CultureInfo.InvariantCulture) };
            case "S:":
                return new ScriptItem(ScriptKind.Server, text, Bytes(text + @"\r\n"));
            case "S!":
                return new ScriptItem(ScriptKind.Server, text, Bytes(text));
            default:
                throw new FormatException($"A script line begins with C:, S: or S!, not \"{side}\".");
        }
    }

    private static byte[] Bytes(string text)
    {
        string said = text
            .Replace(@"\r", "\r", StringComparison.Ordinal)
            .Replace(@"\n", "\n", StringComparison.Ordinal)
            .Replace(@"\0", "\0", StringComparison.Ordinal);
        return Encoding.UTF8.GetBytes(Literals().Replace(said, m => $"{{{Encoding.UTF8.GetByteCount(m.Groups[1].Value)}}}\r\n{m.Groups[1].Value}"));
    }
}

public enum ScriptKind
{
    Client,
    Data,
    Refused,
    Server,
    Tls,
    Stall,
    Wait,
    Close,
}

public sealed record ScriptItem(ScriptKind Kind, string Text, byte[] Bytes)
{
    public int Minutes { get; init; }
}

/// <summary>The client left the script.</summary>
public sealed class ScriptDeviationException(string message) : Exception(message);
