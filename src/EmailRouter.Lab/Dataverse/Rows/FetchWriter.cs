using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using EmailRouter.Lab.Dataverse.Model;
using EmailRouter.Lab.OData;

namespace EmailRouter.Lab.Dataverse.Rows;

/// <summary>Writes what FetchXML found as the Web API answers it ("Use FetchXML with the Web API", "Page results using FetchXml").</summary>
/// <param name="writer">Writes values.</param>
/// <param name="preferences">What the client prefers.</param>
/// <param name="isOld">Whether it is version 8, whose names have no dots.</param>
internal sealed class FetchWriter(RowWriter writer, Preferences preferences, bool isOld)
{
    private const string Crm = "Microsoft.Dynamics.CRM.";

    /// <summary>Writes a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="number">Its number, from 1.</param>
    /// <param name="root">The service root with a slash at the end.</param>
    /// <returns>The answer.</returns>
    public JsonObject Write(FetchPage page, int number, string root)
    {
        string projection = page.Columns is null ? string.Empty : $"({string.Join(',', Names(page))})";
        var json = new JsonObject { ["@odata.context"] = $"{root}$metadata#{page.Type.SetName}{projection}" };
        if (page.Total is { } total)
        {
            json["@odata.count"] = total;
            json[$"@{Crm}totalrecordcount"] = total;
            json[$"@{Crm}totalrecordcountlimitexceeded"] = page.IsTotalCut;
        }

        // The cookie is encoded twice within an attribute of another one.
        if (page.Cookie is { } cookie)
        {
            json[$"@{Crm}fetchxmlpagingcookie"] = new XElement(
                "cookie",
                new XAttribute("pagenumber", number + 1),
                new XAttribute("pagingcookie", Uri.EscapeDataString(Uri.EscapeDataString(cookie))),
                new XAttribute("istracking", "False")).ToString(SaveOptions.DisableFormatting);
        }

        if (preferences.Wants(Crm + "morerecords"))
            json[$"@{Crm}morerecords"] = page.Cookie is not null;
        json["value"] = new JsonArray([.. page.Rows.Select(r => (JsonNode)Write(page, r))]);
        return json;
    }

    /// <summary>Gets the number of the page that a query asks for.</summary>
    /// <param name="fetch">The query.</param>
    /// <returns>The number, from 1.</returns>
    public static int NumberOf(XElement fetch) =>
        int.TryParse((string?)fetch.Attribute("page"), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 1;

    private static IEnumerable<string> Names(FetchPage page) => Properties(page).Select(p => p.Name)
        .Concat(page.Rows.SelectMany(r => r.Aliased).Where(v => !v.Name.Contains('.', StringComparison.Ordinal)).Select(v => v.Name)).Distinct();

    /// <summary>Gets the properties asked for; lists of parties have none in the Web API.</summary>
    private static IEnumerable<EntityProperty> Properties(FetchPage page) => page.Columns is null
        ? page.Type.Properties
        : page.Columns.Where(c => !page.Type.IsActivity || !EntityType.PartyLists.Contains(c)).Select(page.Type.Column).Distinct();

    /// <summary>Writes a row of a page.</summary>
    /// <param name="page">The page.</param>
    /// <param name="row">The row.</param>
    /// <returns>The row as JSON.</returns>
    public JsonObject Write(FetchPage page, FetchRow row)
    {
        var json = new JsonObject();
        if (row.Row is { } own)
        {
            if (RowWriter.ETagOf(own) is { } etag)
                json["@odata.etag"] = etag;
            foreach (EntityProperty property in Properties(page).Append(page.Type.Property(page.Type.Key)).Distinct())
                writer.Add(json, page.Type, property, own);
        }

        foreach (FetchValue value in row.Aliased)
        {
            string name = isOld ? value.Name.Replace(".", "_x002e_", StringComparison.Ordinal) : value.Name;
            if (value.Row is { } source)
                writer.Add(json, value.Type, value.Type.Column(value.Column), source, name);
            else
                json[name] = RowWriter.ToJson(value.Computed);
        }

        return json;
    }
}
