using System.Xml;
using EmailRouter.Lab.Tests.Dataverse;
using Microsoft.OData;
using Microsoft.OData.Edm;
using Microsoft.OData.Edm.Csdl;
using Microsoft.OData.Edm.Validation;
using Microsoft.OData.UriParser;
using Microsoft.OData.UriParser.Aggregation;

namespace EmailRouter.Interop.Tests.Dataverse;

/// <summary>The lab's Web API as the OData libraries of Microsoft read it: metadata, rows, the service document, errors, batches.</summary>
public sealed class ODataLibraryTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task The_metadata_document_is_a_valid_model()
    {
        IEdmModel model = await ModelAsync();

        // Dataverse itself begins the names of lookups with an underscore, which this version of the library does not like.
        model.Validate(out IEnumerable<EdmError> errors);
        Assert.DoesNotContain(errors, e => e.ErrorCode != EdmErrorCode.InvalidName || !e.ErrorMessage.Contains("'_", StringComparison.Ordinal));
        Assert.NotNull(model.EntityContainer.FindEntitySet("emails"));
    }

    [Fact]
    public async Task Rows_with_expanded_parties_are_read()
    {
        await world.DraftAsync("First");
        await world.DraftAsync("Second");

        List<ODataResource> resources = await ReadAsync("emails?$select=subject,statuscode,_ownerid_value,createdon&$expand=email_activity_parties($select=addressused)&$count=true", isSet: true);

        Assert.Equal(2, resources.Count(r => r.TypeName.EndsWith(".email", StringComparison.Ordinal)));
        Assert.Equal(6, resources.Count(r => r.TypeName.EndsWith(".activityparty", StringComparison.Ordinal)));
        Assert.All(resources.Where(r => r.TypeName.EndsWith(".email", StringComparison.Ordinal)), r => Assert.StartsWith("W/\"", r.ETag, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("emails")]
    [InlineData("systemusers")]
    [InlineData("queues")]
    [InlineData("organizations")]
    [InlineData("contacts")]
    [InlineData("activityparties")]
    [InlineData("usersettingscollection")]
    [InlineData("mailboxes")]
    public async Task Whole_rows_fit_the_metadata(string set)
    {
        await world.DraftAsync();

        Assert.NotEmpty(await ReadAsync(set, isSet: true));
    }

    [Fact]
    public async Task What_a_fetch_found_is_read_page_by_page()
    {
        await world.DraftAsync("First");
        await world.DraftAsync("Second");
        static string Query(int page) => "emails?fetchXml=" + Uri.EscapeDataString(
            $"""<fetch count="1" page="{page}"><entity name="email"><attribute name="subject"/><attribute name="ownerid"/><order attribute="subject"/></entity></fetch>""");

        foreach ((int page, string subject) in new[] { (1, "First"), (2, "Second") })
        {
            ODataResource row = Assert.Single(await ReadAsync(Query(page), isSet: true));
            Assert.Equal(subject, row.Properties.Single(p => p.Name == "subject").Value);
            Assert.Equal(world.AppUser, row.Properties.Single(p => p.Name == "_ownerid_value").Value);
        }
    }

    [Theory]
    [InlineData("groupby((subject,statuscode),aggregate($count as emails,deliveryattempts with average as attempts))")]
    [InlineData("filter(directioncode eq true)/groupby((statuscode))")]
    [InlineData("filter(contains(subject,'it''s / a quote') or statuscode eq 1)/aggregate(deliveryattempts with sum as total,subject with countdistinct as subjects)")]
    public async Task Groups_have_the_properties_that_the_library_expects_of_them(string apply)
    {
        await world.DraftAsync();
        IEdmModel model = await ModelAsync();
        string path = "emails?$apply=" + Uri.EscapeDataString(apply);
        TransformationNode last = new ODataUriParser(model, world.Server.Root, new Uri(world.Server.Root, path)).ParseApply().Transformations.Last();
        var group = last as GroupByTransformationNode;
        var aggregate = (group is null ? last : group.ChildTransformations) as AggregateTransformationNode;
        IEnumerable<string> expected = (group?.GroupingProperties.Select(p => p.Name) ?? []).Concat(aggregate?.AggregateExpressions.Select(a => a.Alias) ?? []);

        // What is computed has no place in the metadata.
        ODataMessageReaderSettings settings = Settings();
        settings.Validations &= ~ValidationKinds.ThrowOnUndeclaredPropertyForNonOpenType;

        ODataResource resource = Assert.Single(await ReadAsync(path, isSet: true, settings));
        Assert.Equal(expected.Order(StringComparer.Ordinal), resource.Properties.Select(p => p.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_single_row_is_read()
    {
        Guid id = await world.DraftAsync();

        Assert.Equal("Pump quote", Assert.Single(await ReadAsync($"emails({id})?$select=subject", isSet: false)).Properties.Single(p => p.Name == "subject").Value);
    }

    [Fact]
    public async Task The_service_document_lists_the_sets()
    {
        using ODataMessageReader reader = new(await ResponseAsync(string.Empty), Settings(), await ModelAsync());

        Assert.Contains(reader.ReadServiceDocument().EntitySets, s => s.Name == "emails");
    }

    [Fact]
    public async Task An_error_has_its_code()
    {
        using ODataMessageReader reader = new(await ResponseAsync("nosuchs"), Settings(), await ModelAsync());

        Assert.Equal("0x8006088a", reader.ReadError().ErrorCode);
    }

    [Fact]
    public async Task A_batch_written_by_the_library_is_answered_so_that_the_library_can_read_it()
    {
        var body = new Message();
        using (var writer = new ODataMessageWriter((IODataRequestMessage)body, new ODataMessageWriterSettings { BaseUri = world.Server.Root, EnableMessageStreamDisposal = false }))
        {
            ODataBatchWriter batch = writer.CreateODataBatchWriter();
            batch.WriteStartBatch();
            batch.WriteStartChangeset();
            for (int i = 1; i <= 2; i++)
            {
                ODataBatchOperationRequestMessage part = batch.CreateOperationRequestMessage("POST", new Uri(world.Server.Root, "contacts"), i.ToString(System.Globalization.CultureInfo.InvariantCulture));
                part.SetHeader("Content-Type", "application/json");
                using var text = new StreamWriter(part.GetStream());
                text.Write("{\"lastname\":\"Made in a batch\"}");
            }

            batch.WriteEndChangeset();
            batch.CreateOperationRequestMessage("GET", new Uri(world.Server.Root, "contacts?$filter=lastname eq 'Made in a batch'"), null);
            batch.WriteEndBatch();
            batch.Flush();
        }

        using var request = new HttpRequestMessage(HttpMethod.Post, "$batch") { Content = new ByteArrayContent(body.Content.ToArray()) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", body.GetHeader("Content-Type"));
        using HttpResponseMessage response = await world.Http.SendAsync(request);
        using ODataMessageReader reader = new(await Message.OfAsync(response), Settings(), await ModelAsync());
        ODataBatchReader answers = reader.CreateODataBatchReader();
        var statuses = new List<int>();
        while (answers.Read())
        {
            if (answers.State == ODataBatchReaderState.Operation)
            {
                ODataBatchOperationResponseMessage part = answers.CreateOperationResponseMessage();
                statuses.Add(part.StatusCode);
                await using Stream content = part.GetStream();
                await content.CopyToAsync(Stream.Null);
            }
        }

        Assert.Equal([204, 204, 200], statuses);
        Assert.Equal(2, (await world.ListAsync("contacts?$filter=lastname eq 'Made in a batch'")).Count);
    }

    private async Task<List<ODataResource>> ReadAsync(string path, bool isSet, ODataMessageReaderSettings? settings = null)
    {
        IEdmModel model = await ModelAsync();
        using ODataMessageReader reader = new(await ResponseAsync(path), settings ?? Settings(), model);
        ODataReader rows = isSet ? reader.CreateODataResourceSetReader() : reader.CreateODataResourceReader();
        var resources = new List<ODataResource>();
        while (rows.Read())
        {
            if (rows is { State: ODataReaderState.ResourceEnd, Item: ODataResource resource })
                resources.Add(resource);
        }

        return resources;
    }

    private ODataMessageReaderSettings Settings() => new() { BaseUri = world.Server.Root, ShouldIncludeAnnotation = _ => true };

    private async Task<IEdmModel> ModelAsync()
    {
        using HttpResponseMessage response = await world.Http.GetAsync(new Uri("$metadata", UriKind.Relative));
        using var xml = XmlReader.Create(new StringReader(await response.Content.ReadAsStringAsync()));
        return CsdlReader.TryParse(xml, out IEdmModel model, out IEnumerable<EdmError> errors) ? model : throw new InvalidOperationException(string.Join('\n', errors.Take(20)));
    }

    private async Task<IODataResponseMessage> ResponseAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
        request.Headers.TryAddWithoutValidation("Prefer", "odata.include-annotations=\"*\"");
        using HttpResponseMessage response = await world.Http.SendAsync(request);
        return await Message.OfAsync(response);
    }

    /// <summary>A message of HTTP in the library's shape.</summary>
    private sealed class Message : IODataRequestMessage, IODataResponseMessage
    {
        private readonly Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);

        public MemoryStream Content { get; } = new();

        public IEnumerable<KeyValuePair<string, string>> Headers => headers;

        public Uri Url { get; set; } = null!;

        public string Method { get; set; } = "POST";

        public int StatusCode { get; set; } = 200;

        public static async Task<IODataResponseMessage> OfAsync(HttpResponseMessage response)
        {
            var message = new Message { StatusCode = (int)response.StatusCode };
            foreach ((string name, IEnumerable<string> values) in response.Headers.Concat(response.Content.Headers))
                message.headers[name] = string.Join(',', values);
            await response.Content.CopyToAsync(message.Content);
            message.Content.Position = 0;
            return message;
        }

        public string? GetHeader(string headerName) => headers.GetValueOrDefault(headerName);

        public void SetHeader(string headerName, string headerValue) => headers[headerName] = headerValue;

        public Stream GetStream() => Content;
    }
}
