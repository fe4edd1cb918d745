using System.Net.Http.Headers;
using System.Text;

namespace EmailRouter.Lab.Tests.Dataverse;

public sealed class BatchTests : IAsyncLifetime
{
    private readonly DataverseWorld world = new();

    public Task InitializeAsync() => world.InitializeAsync();

    public Task DisposeAsync() => world.DisposeAsync();

    [Fact]
    public async Task A_change_set_makes_rows_that_refer_to_one_another()
    {
        string answer = await BatchAsync($$"""
            --b
            Content-Type: multipart/mixed; boundary=c

            --c
            Content-Type: application/http
            Content-Transfer-Encoding: binary
            Content-ID: 1

            POST /api/data/v9.2/emails HTTP/1.1
            Content-Type: application/json; type=entry

            {"subject":"From a batch","email_activity_parties":[{"participationtypemask":1,"partyid_systemuser@odata.bind":"/systemusers({{world.Anna}})"}]}
            --c
            Content-Type: application/http
            Content-Transfer-Encoding: binary
            Content-ID: 2

            POST {{world.Server.Root}}activitymimeattachments HTTP/1.1
            Content-Type: application/json

            {"objectid_email@odata.bind":"$1","filename":"a.txt","body":"QUJD"}
            --c
            Content-Type: application/http
            Content-ID: 3

            PATCH $1 HTTP/1.1
            Content-Type: application/json

            {"description":"changed"}
            --c--
            --b
            Content-Type: application/http

            GET emails?$select=subject,description,attachmentcount HTTP/1.1
            Accept: application/json

            --b--
            """);

        Assert.Equal(3, Count(answer, "HTTP/1.1 204"));
        Assert.Contains("\"description\":\"changed\",\"attachmentcount\":1", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_change_set_with_one_failure_changes_nothing_and_answers_once()
    {
        string answer = await BatchAsync("""
            --b
            Content-Type: multipart/mixed; boundary=c

            --c
            Content-Type: application/http
            Content-ID: 1

            POST contacts HTTP/1.1
            Content-Type: application/json

            {"lastname":"First"}
            --c
            Content-Type: application/http
            Content-ID: 2

            POST contacts HTTP/1.1
            Content-Type: application/json

            {"nosuch":1}
            --c--
            --b--
            """, status: 400);

        Assert.Equal(1, Count(answer, "HTTP/1.1 "));
        Assert.Contains("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.Empty(await world.ListAsync("contacts?$filter=lastname eq 'First'"));
    }

    [Theory]
    [InlineData(false, 2)]
    [InlineData(true, 3)]
    public async Task A_batch_stops_at_the_first_error_unless_it_is_to_go_on(bool goOn, int answers)
    {
        string answer = await BatchAsync("""
            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1

            --b
            Content-Type: application/http

            GET nosuchs HTTP/1.1

            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1

            --b--
            """, goOn ? "odata.continue-on-error" : null, goOn ? 200 : 404);

        Assert.Equal(answers, Count(answer, "HTTP/1.1 "));
    }

    [Theory]
    [InlineData("no parts at all")]
    [InlineData("--b\r\nContent-Type: application/http\r\n\r\nGET WhoAmI HTTP/1.1\r\n")]
    [InlineData("--b\r\nnonsense\r\n\r\nGET WhoAmI HTTP/1.1\r\n--b--")]
    public async Task A_malformed_batch_is_a_400(string body)
    {
        using var request = Request(body);
        Assert.Equal(400, (int)(await world.Http.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task Each_part_may_be_done_for_somebody_else()
    {
        string answer = await BatchAsync($$"""
            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1
            MSCRMCallerID: {{world.Anna}}

            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1

            --b
            Content-Type: multipart/mixed; boundary=c

            --c
            Content-Type: application/http
            Content-ID: 1

            POST contacts HTTP/1.1
            Content-Type: application/json
            MSCRMCallerID: {{world.Anna}}

            {"lastname":"Hers"}
            --c
            Content-Type: application/http
            Content-ID: 2

            POST contacts HTTP/1.1
            Content-Type: application/json

            {"lastname":"Its own"}
            --c--
            --b--
            """);

        Assert.Equal((1, 1), (Count(answer, $"\"UserId\":\"{world.Anna}\""), Count(answer, $"\"UserId\":\"{world.AppUser}\"")));
        Assert.Single(await world.ListAsync($"contacts?$filter=lastname eq 'Hers' and _ownerid_value eq {world.Anna}"));
        Assert.Single(await world.ListAsync($"contacts?$filter=lastname eq 'Its own' and _ownerid_value eq {world.AppUser}"));
    }

    [Fact]
    public async Task Who_may_not_act_for_others_is_refused_in_the_part_that_does()
    {
        world.Server.Policy.Deny(world.AppUser, "prvActOnBehalfOfAnotherUser");
        string answer = await BatchAsync($$"""
            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1
            MSCRMCallerID: {{world.Anna}}

            --b
            Content-Type: multipart/mixed; boundary=c

            --c
            Content-Type: application/http
            Content-ID: 1

            POST contacts HTTP/1.1
            Content-Type: application/json

            {"lastname":"First"}
            --c
            Content-Type: application/http
            Content-ID: 2

            POST contacts HTTP/1.1
            Content-Type: application/json
            CallerObjectId: {{Guid.NewGuid()}}

            {"lastname":"Second"}
            --c--
            --b
            Content-Type: application/http

            GET WhoAmI HTTP/1.1

            --b--
            """, "odata.continue-on-error");

        Assert.Equal((2, 1), (Count(answer, "HTTP/1.1 403"), Count(answer, "HTTP/1.1 200")));
        Assert.Contains("prvActOnBehalfOfAnotherUser", answer, StringComparison.Ordinal);
        Assert.Empty(await world.ListAsync("contacts?$filter=lastname eq 'First'"));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;

    private static HttpRequestMessage Request(string body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "$batch") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ReplaceLineEndings("\r\n"))) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse("multipart/mixed; boundary=b");
        return request;
    }

    private async Task<string> BatchAsync(string body, string? prefer = null, int status = 200)
    {
        using HttpRequestMessage request = Request(body);
        if (prefer is not null)
            request.Headers.Add("Prefer", prefer);
        HttpResponseMessage response = await world.Http.SendAsync(request);
        string text = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, text);
        Assert.Equal("multipart/mixed", response.Content.Headers.ContentType!.MediaType);
        return text;
    }
}
