using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using EmailRouter.Mail;
using EmailRouter.Routing.Configuration;

namespace EmailRouter.Routing.Tests.Configuration;

/// <summary>Keeps <c>docs/emailrouter.schema.json</c> true to the types. With EMAILROUTER_UPDATE_SCHEMA=1 in the environment the test writes the file instead.</summary>
public sealed partial class ConfigurationSchemaTests
{
    private static readonly XElement Documentation = XElement.Load(Path.ChangeExtension(typeof(RouterConfiguration).Assembly.Location, ".xml"));
    private static readonly XElement MailDocumentation = XElement.Load(Path.ChangeExtension(typeof(Settlement).Assembly.Location, ".xml"));
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string SchemaFile
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "EmailRouter.slnx")))
                folder = folder.Parent;
            Assert.NotNull(folder);
            return Path.Combine(folder.FullName, "docs", "emailrouter.schema.json");
        }
    }

    [Fact]
    public void The_schema_is_true_to_the_types()
    {
        string schema = MakeSchema();
        if (Environment.GetEnvironmentVariable("EMAILROUTER_UPDATE_SCHEMA") == "1")
            File.WriteAllText(SchemaFile, schema);

        Assert.True(
            schema == File.ReadAllText(SchemaFile).ReplaceLineEndings("\n"),
            "docs/emailrouter.schema.json does not match the types: run this test with EMAILROUTER_UPDATE_SCHEMA=1 in the environment and commit the file.");
    }

    [Fact]
    public void Every_setting_is_described()
    {
        List<string> without = [];
        Visit(JsonNode.Parse(MakeSchema())!, "$");
        Assert.Empty(without);

        void Visit(JsonNode node, string path)
        {
            if (node is not JsonObject schema)
                return;
            foreach ((string name, JsonNode? property) in schema["properties"] as JsonObject ?? [])
            {
                if (property?["description"] is null)
                    without.Add($"{path}.{name}");
                Visit(property!, $"{path}.{name}");
            }

            if (schema["items"] is { } items)
                Visit(items, path);
        }
    }

    private static string MakeSchema()
    {
        var root = (JsonObject)ConfigurationJson.Options.GetJsonSchemaAsNode(
            typeof(RouterConfiguration), new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Describe });
        var schema = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = "EmailRouter configuration" };
        foreach ((string name, JsonNode? value) in root)
            schema[name] = value?.DeepClone();
        return schema.ToJsonString(Indented).ReplaceLineEndings("\n") + "\n";
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode node)
    {
        if (node is not JsonObject schema)
            return node;
        if (context.TypeInfo.Type == typeof(SettlementKinds))
            schema["enum"] = new JsonArray("Keep", "MarkRead", "Delete", "Move", "Categorize");

        schema.Remove("$comment");

        // This machine's name is the default of nobody else.
        if (context.PropertyInfo?.Name == "routerName")
            schema.Remove("default");
        if (context.PropertyInfo?.AttributeProvider is PropertyInfo property && Summary(property) is { } text)
            schema.Insert(0, "description", text);
        return schema;
    }

    private static string? Summary(PropertyInfo property)
    {
        foreach (XElement members in (XElement[])[Documentation, MailDocumentation])
        {
            XElement? Member(string name) => members.Descendants("member").FirstOrDefault(m => (string?)m.Attribute("name") == name);
            XElement? found = Member($"P:{property.DeclaringType}.{property.Name}")?.Element("summary")
                ?? Member($"T:{property.DeclaringType}")?.Elements("param").FirstOrDefault(p => (string?)p.Attribute("name") == property.Name);
            if (found is null)
                continue;
            foreach (XElement see in found.Descendants("see").ToList())
                see.ReplaceWith(((string?)see.Attribute("cref"))?.Split('.')[^1] ?? string.Empty);
            string text = Spaces().Replace(found.Value, " ").Trim();
            text = Opening().Replace(text, string.Empty);
            return char.ToUpperInvariant(text[0]) + text[1..];
        }

        return null;
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex("^Gets (a value indicating )?")]
    private static partial Regex Opening();
}
