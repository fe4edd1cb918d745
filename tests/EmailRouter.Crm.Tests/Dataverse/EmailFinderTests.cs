using System.Net;
using EmailRouter.Crm.Dataverse;

namespace EmailRouter.Crm.Tests.Dataverse;

/// <summary>Email activities by the Web API: what is asked, and what is made of pages and faults.</summary>
public sealed class EmailFinderTests : IAsyncDisposable
{
    private const string Next = "@odata.nextLink";

    private readonly ScriptedOrganization server = new();
    private readonly DataverseStore store;
    private readonly List<Asked> asked = [];
    private Func<Asked, HttpResponseMessage> answer = _ => ScriptedServer.Json("""{"value":[]}""");

    public EmailFinderTests()
    {
        Func<Asked, HttpResponseMessage> usual = server.Http.Answer;
        server.Http.Answer = request =>
        {
            if (!request.Path.Contains("/emails", StringComparison.Ordinal) && !request.Lines.Any(l => l.Contains("emails(1)/", StringComparison.Ordinal))
                && !request.Query.Contains("further", StringComparison.Ordinal))
                return usual(request);
            asked.Add(request);
            return answer(request);
        };
        store = new DataverseStore(ScriptedServer.Endpoint, server.Http.Context);
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    [Fact]
    public async Task Everything_that_is_filtered_goes_into_one_query()
    {
        Guid id = Guid.Parse("cccccccc-0000-0000-0000-000000000003");
        EmailFilter filter = new()
        {
            Statuses = [EmailStatus.Sent, EmailStatus.Failed],
            IsOutgoing = true,
            Since = new DateTimeOffset(2026, 1, 30, 8, 0, 0, TimeSpan.Zero),
            Subject = "O'Brien*50%?",
            MessageId = "<a@x>",
            TrackingToken = "CRM:1",
            Address = " a@x ",
            RegardingId = id,
            QueueId = id,
            SenderId = id,
            OwnerId = id,
        };

        Assert.Empty(await store.FindEmailsAsync(filter, default).ToListAsync());

        Asked query = Assert.Single(asked);
        Assert.Contains(
            "&$filter=(statuscode eq 3 or statuscode eq 8) and directioncode eq true and createdon ge 2026-01-30T08:00:00Z and contains(subject,'O''Brien') and contains(subject,'50') and " +
            "messageid eq '<a@x>' and trackingtoken eq 'CRM:1' and email_activity_parties/any(p:p/addressused eq 'a@x') and " +
            $"_regardingobjectid_value eq {id} and Email_QueueItem/any(q:q/_queueid_value eq {id}) and _emailsender_value eq {id} and _ownerid_value eq {id}&$orderby=createdon desc,activityid desc",
            query.Query, StringComparison.Ordinal);
        Assert.Contains("odata.maxpagesize=50", query.Headers["Prefer"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Columns_that_the_organization_does_not_have_are_not_asked_for()
    {
        await store.FindEmailsAsync(new EmailFilter(), default).ToListAsync();

        string select = asked.Single().Query.Split("$select=")[1].Split('&')[0];
        Assert.Contains("mimetype", select, StringComparison.Ordinal);
        Assert.DoesNotContain("safedescription", select, StringComparison.Ordinal);
        Assert.DoesNotContain("$filter", asked.Single().Query, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pages_are_read_as_the_caller_goes_on_and_no_further()
    {
        int page = 0;
        answer = _ => ScriptedServer.Json($$"""{"value":[{{Row(++page * 2)}},{{Row((page * 2) + 1)}}],"{{Next}}":"{{ScriptedServer.Root}}emails?further={{page}}"}""");

        Assert.Equal(3, (await store.FindEmailsAsync(new EmailFilter { Top = 3 }, default).ToListAsync()).Count);

        Assert.Equal(2, asked.Count);
        Assert.Contains("odata.maxpagesize=3", asked[0].Headers["Prefer"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Pump ?", 1)]
    [InlineData("*pump*", 2)]
    [InlineData("pump", 0)]
    [InlineData("*[1]", 1)]
    public async Task The_pattern_of_the_subject_is_applied_exactly(string pattern, int count)
    {
        answer = _ => ScriptedServer.Json($$"""{"value":[{{Row(1, "Pump 7")}},{{Row(2, "Re: pump [1]")}}]}""");

        Assert.Equal(count, (await store.FindEmailsAsync(new EmailFilter { Subject = pattern }, default).ToListAsync()).Count);
    }

    [Fact]
    public async Task Parties_and_attachments_beyond_the_page_are_read_too()
    {
        answer = request => request.Path.EndsWith("$batch", StringComparison.Ordinal)
            ? ScriptedServer.Batch(
                ScriptedServer.Part(200, """{"value":[{"participationtypemask":2,"addressused":"second@x"}]}"""),
                ScriptedServer.Part(200, """
                    {"value":[{"activitymimeattachmentid":"cccccccc-0000-0000-0000-000000000003","filename":"b.txt","mimetype":"text/plain","filesize":2,"attachmentnumber":2}]}
                    """))
            : ScriptedServer.Json($$"""
                {"value":[{"activityid":"00000000-0000-0000-0000-000000000001","createdon":"2026-01-30T08:00:00Z","directioncode":false,
                "email_activity_parties":[{"participationtypemask":1,"addressused":"first@x"},{"participationtypemask":9,"addressused":"owner@x"}],
                "email_activity_parties{{Next}}":"{{ScriptedServer.Root}}emails(1)/email_activity_parties?$skiptoken=1",
                "email_activity_mime_attachment":[{"activitymimeattachmentid":"cccccccc-0000-0000-0000-000000000004","filename":"a.txt",
                "mimetype":"text/plain","filesize":1,"attachmentnumber":1,"attachmentcontentid":"<logo>"}],
                "email_activity_mime_attachment{{Next}}":"{{ScriptedServer.Root}}emails(1)/email_activity_mime_attachment?$skiptoken=1","Email_QueueItem":[]}]}
                """);

        EmailActivity email = (await store.GetEmailAsync(Guid.NewGuid(), default))!;

        Assert.Equal(["first@x", "second@x"], email.Parties.Select(p => p.AddressUsed));
        Assert.Equal([("a.txt", "logo"), ("b.txt", null)], email.Attachments.Select(a => (a.FileName, a.ContentId)));
        Assert.False(email.IsOutgoing);
    }

    [Fact]
    public async Task An_email_that_is_deleted_while_it_is_read_is_not_found()
    {
        answer = request => request.Path.EndsWith("$batch", StringComparison.Ordinal)
            ? ScriptedServer.Batch(ScriptedServer.Part(404, """{"error":{"code":"0x80040217","message":"email With Id = 1 Does Not Exist"}}"""))
            : ScriptedServer.Json($$"""
                {"value":[{"activityid":"00000000-0000-0000-0000-000000000001","email_activity_parties":[],
                "email_activity_parties{{Next}}":"{{ScriptedServer.Root}}emails(1)/email_activity_parties"}]}
                """);

        Assert.Null(await store.GetEmailAsync(Guid.NewGuid(), default));
        Assert.Empty(await store.FindEmailsAsync(new EmailFilter(), default).ToListAsync());
    }

    [Fact]
    public async Task A_next_page_at_another_server_is_refused()
    {
        answer = _ => ScriptedServer.Json($$"""{"value":[{{Row(1)}}],"{{Next}}":"https://evil.example.test/api?further=1"}""");

        CrmException error = await Assert.ThrowsAsync<CrmException>(async () => await store.FindEmailsAsync(new EmailFilter(), default).ToListAsync());

        Assert.Equal("CrmAnswerUnreadable", error.ErrorId);
    }

    [Fact]
    public async Task A_missing_privilege_and_a_row_without_id_are_errors()
    {
        answer = _ => ScriptedServer.Error(HttpStatusCode.Forbidden, "0x80040220", "Principal user is missing prvReadActivity privilege");
        CrmException denied = await Assert.ThrowsAsync<CrmException>(async () => await store.GetEmailAsync(Guid.NewGuid(), default));
        answer = _ => ScriptedServer.Json("""{"value":[{"subject":"x"}]}""");
        CrmException unreadable = await Assert.ThrowsAsync<CrmException>(async () => await store.GetEmailAsync(Guid.NewGuid(), default));

        Assert.Equal(("CrmPrivilegeMissing", "CrmAnswerUnreadable"), (denied.ErrorId, unreadable.ErrorId));
    }

    [Fact]
    public async Task A_filter_that_nothing_fits_is_not_asked_about()
    {
        Assert.Empty(await store.FindEmailsAsync(new EmailFilter { Statuses = [] }, default).ToListAsync());
        Assert.Empty(asked);
    }

    private static string Row(int number, string subject = "Pump") =>
        $$"""{"activityid":"00000000-0000-0000-0000-{{number:D12}}","subject":"{{subject}}","createdon":"2026-01-30T08:00:00Z"}""";
}
