using EmailRouter.Lab.Store;
using Microsoft.Graph;
using Microsoft.Graph.Models;
using Microsoft.Graph.Models.ODataErrors;
using Microsoft.Graph.Users.Item.Messages.Item.Move;

namespace EmailRouter.Interop.Graph.Tests;

/// <summary>Reading and changing messages with the official SDK.</summary>
public sealed class SdkMessagesTests : SdkFixture
{
    private const string Immutable = "IdType=\"ImmutableId\"";

    private Microsoft.Graph.Users.Item.UserItemRequestBuilder User => Client.Users[Anna];

    [Fact]
    public async Task A_user_is_found()
    {
        User? user = await User.GetAsync(r => r.QueryParameters.Select = ["id", "mail"]);
        Assert.Equal(Anna, user!.Mail);
        Assert.Equal(Anna, (await Client.Users[user.Id].GetAsync(r => r.QueryParameters.Select = ["userPrincipalName"]))!.UserPrincipalName);
    }

    [Fact]
    public async Task Pages_are_followed_to_the_end()
    {
        for (int i = 0; i < 25; i++)
            Deliver($"Mail {i}", minutes: i);
        MessageCollectionResponse? first = await User.MailFolders["inbox"].Messages.GetAsync(r =>
        {
            r.QueryParameters.Select = ["subject", "receivedDateTime"];
            r.QueryParameters.Filter = "receivedDateTime ge 2026-11-20T08:05:00Z and isRead eq false";
            r.QueryParameters.Orderby = ["receivedDateTime"];
            r.QueryParameters.Top = 7;
            r.QueryParameters.Count = true;
        });
        Assert.Equal(20, first!.OdataCount);
        var subjects = new List<string?>();
        var pages = PageIterator<Message, MessageCollectionResponse>.CreatePageIterator(Client, first, m =>
        {
            subjects.Add(m.Subject);
            return true;
        });
        await pages.IterateAsync();
        Assert.Equal(Enumerable.Range(5, 20).Select(i => $"Mail {i}"), subjects);
    }

    [Fact]
    public async Task A_message_is_read_with_its_properties_and_as_MIME()
    {
        LabMessage delivered = Deliver("Offer");
        Message listed = (await User.Messages.GetAsync())!.Value!.Single();
        Message? message = await User.Messages[listed.Id].GetAsync(r => r.QueryParameters.Expand = ["singleValueExtendedProperties($filter=id eq 'String 0x1035')"]);
        Assert.Equal("Offer", message!.Subject);
        Assert.Equal("kim@adatum.test", message.From!.EmailAddress!.Address);
        Assert.Equal(BodyType.Text, message.Body!.ContentType);
        Assert.Equal(new DateTimeOffset(2026, 11, 20, 8, 0, 0, TimeSpan.Zero), message.ReceivedDateTime);
        Assert.Equal("<Offer@adatum.test>", message.InternetMessageId);
        Assert.Contains("Offer@adatum.test", message.SingleValueExtendedProperties!.Single().Value, StringComparison.Ordinal);

        using var content = new MemoryStream();
        await (await User.Messages[listed.Id].Content.GetAsync())!.CopyToAsync(content);
        Assert.Equal(delivered.Content.ToArray(), content.ToArray());
    }

    [Fact]
    public async Task Delta_tells_what_came_changed_and_went()
    {
        for (int i = 0; i < 5; i++)
            Deliver($"Mail {i}", minutes: i);
        var page = await User.MailFolders["inbox"].Messages.Delta.GetAsDeltaGetResponseAsync(r =>
        {
            r.QueryParameters.Select = ["subject", "isRead"];
            r.Headers.Add("Prefer", $"{Immutable}, odata.maxpagesize=2");
        });
        var found = new List<Message>(page!.Value!);
        while (page.OdataNextLink is { } next)
        {
            page = await User.MailFolders["inbox"].Messages.Delta.WithUrl(next).GetAsDeltaGetResponseAsync(r => r.Headers.Add("Prefer", $"{Immutable}, odata.maxpagesize=2"));
            found.AddRange(page!.Value!);
        }

        Assert.Equal(5, found.Select(m => m.Id).Distinct().Count());
        await User.Messages[found[0].Id].PatchAsync(new Message { IsRead = true });
        await User.Messages[found[1].Id].DeleteAsync();
        Deliver("New");
        page = await User.MailFolders["inbox"].Messages.Delta.WithUrl(page.OdataDeltaLink!).GetAsDeltaGetResponseAsync(r => r.Headers.Add("Prefer", Immutable));
        Assert.NotNull(page!.OdataDeltaLink);
        Assert.True(page.Value!.Single(m => m.Id == found[0].Id).IsRead);
        Assert.True(page.Value!.Single(m => m.Id == found[1].Id).AdditionalData.ContainsKey("@removed"));
        Assert.Equal("New", page.Value!.Single(m => m.Subject is not null).Subject);

        string old = page.OdataDeltaLink!;
        Box.ForgetChanges();
        ODataError error = await Assert.ThrowsAsync<ODataError>(() => User.MailFolders["inbox"].Messages.Delta.WithUrl(old).GetAsDeltaGetResponseAsync());
        Assert.Equal((410, "syncStateNotFound"), (error.ResponseStatusCode, error.Error!.Code));
    }

    [Fact]
    public async Task A_message_is_categorised_moved_and_deleted()
    {
        LabMessage delivered = Deliver("Offer");
        string id = (await User.Messages.GetAsync(r => r.Headers.Add("Prefer", Immutable)))!.Value!.Single().Id!;
        Message? changed = await User.Messages[id].PatchAsync(
            new Message
            {
                IsRead = true,
                Categories = ["CRM"],
                SingleValueExtendedProperties = [new SingleValueLegacyExtendedProperty { Id = "String {00020329-0000-0000-C000-000000000046} Name CrmRoutedId", Value = "4711" }],
            },
            r => r.Headers.Add("Prefer", Immutable));
        Assert.Equal(["CRM"], changed!.Categories);
        Assert.Single((await User.Messages.GetAsync(r => r.QueryParameters.Filter =
            "singleValueExtendedProperties/Any(ep: ep/id eq 'String {00020329-0000-0000-C000-000000000046} Name CrmRoutedId' and ep/value eq '4711')"))!.Value!);

        Message? moved = await User.Messages[id].Move.PostAsync(new MovePostRequestBody { DestinationId = "archive" }, r => r.Headers.Add("Prefer", Immutable));
        Assert.Equal(id, moved!.Id);
        await User.Messages[id].DeleteAsync();
        Assert.Equal(Box.FolderOf(LabFolderNames.DeletedItems).Id, Box.FindMessage(delivered.Id)!.FolderId);
        await User.Messages[id].PermanentDelete.PostAsync();
        ODataError error = await Assert.ThrowsAsync<ODataError>(() => User.Messages[id].GetAsync());
        Assert.Equal((404, "ErrorItemNotFound"), (error.ResponseStatusCode, error.Error!.Code));
    }

    [Fact]
    public async Task Parts_of_a_batch_have_their_own_statuses_and_those_that_depend_on_a_failure_fail()
    {
        Deliver("Offer");
        string id = (await User.Messages.GetAsync(r => r.Headers.Add("Prefer", Immutable)))!.Value!.Single().Id!;
        var batch = new BatchRequestContentCollection(Client);
        string mark = await batch.AddBatchRequestStepAsync(User.Messages[id].ToPatchRequestInformation(new Message { IsRead = true }));
        string missing = await batch.AddBatchRequestStepAsync(User.Messages["nonsense"].ToGetRequestInformation());
        string delete = await batch.AddBatchRequestStepAsync(User.Messages[id].ToDeleteRequestInformation());
        batch.BatchRequestSteps[delete].DependsOn = [missing];
        BatchResponseContentCollection answers = await Client.Batch.PostAsync(batch);
        Dictionary<string, System.Net.HttpStatusCode> statuses = await answers.GetResponsesStatusCodesAsync();
        Assert.Equal([200, 400, 424], new[] { mark, missing, delete }.Select(i => (int)statuses[i]));
        Assert.True((await answers.GetResponseByIdAsync<Message>(mark)).IsRead);
    }

    [Fact]
    public async Task Throttling_is_waited_out_as_the_service_asks()
    {
        Deliver("Offer");
        Server.Faults.Add(new Lab.Servers.LabFault(Lab.Servers.LabFaultKind.Throttle) { Times = 2, RetryAfter = TimeSpan.Zero });
        Assert.Single((await User.Messages.GetAsync())!.Value!);
        Assert.Equal(3, Server.CountOf("GET messages"));
    }
}
