using System.Globalization;
using System.Text.RegularExpressions;
using EmailRouter.Crm.Embedded;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>The words that people read for options and switches.</summary>
internal static partial class Labels
{
    /// <summary>Gives the label of an option, or the number where the column has no options.</summary>
    public static string Of(string table, ColumnDefinition column, int value)
    {
        if (column.Options is { } options && Enum.GetName(options, value) is { } name)
            return Words().Replace(name, " $1");
        return (column.Name, value) switch
        {
            ("statecode", 0) => table == "lead" ? "Open" : "Active",
            ("statecode", 1) => table == "lead" ? "Qualified" : "Inactive",
            ("statuscode", 1) => "Active",
            ("statuscode", 2) => "Inactive",
            ("participationtypemask", 1) => "Sender",
            ("participationtypemask", 2) => "To Recipient",
            ("participationtypemask", 3) => "CC Recipient",
            ("participationtypemask", 4) => "BCC Recipient",
            _ => value.ToString("N0", CultureInfo.InvariantCulture),
        };
    }

    /// <summary>Gives the label of a switch.</summary>
    public static string Of(ColumnDefinition column, bool value) => column.Name switch
    {
        "directioncode" => value ? "Outgoing" : "Incoming",
        "donotemail" or "donotbulkemail" => value ? "Do Not Allow" : "Allow",
        "isdisabled" => value ? "Disabled" : "Enabled",
        _ => value ? "Yes" : "No",
    };

    [GeneratedRegex("(?<=[a-z])([A-Z])")]
    private static partial Regex Words();
}
