using EmailRouter.Crm.Embedded;

namespace EmailRouter.Crm.Tests.Embedded;

public sealed class SafeDescriptionTests
{
    private int made;

    [Theory]
    [InlineData("text/html", "<p onclick=x>hi</p>", "safe(<p onclick=x>hi</p>)")]
    [InlineData("text/plain", "a < b\r\n& <script>", "safe(a &lt; b<br>&amp; &lt;script&gt;)")]
    public async Task The_safe_form_is_made_of_the_description_and_plain_text_is_escaped(string type, string description, string safe)
    {
        await using EmbeddedCrm crm = await OpenAsync(html => $"safe({html})");
        Guid id = await AddAsync(crm, type, description);

        EmailActivity one = (await crm.GetEmailAsync(id, default))!;
        EmailActivity found = await crm.FindEmailsAsync(new EmailFilter(), default).SingleAsync();

        Assert.Equal((safe, safe), (one.SafeDescription, found.SafeDescription));
        Assert.Equal(description, one.Description);
    }

    [Fact]
    public async Task It_is_made_when_somebody_asks_and_once()
    {
        await using EmbeddedCrm crm = await OpenAsync(html => $"{++made} {html}");
        Guid id = await AddAsync(crm, "text/html", "x");

        EmailActivity email = (await crm.GetEmailAsync(id, default))!;

        Assert.Equal(0, made);
        Assert.Equal("1 x", email.SafeDescription);
        Assert.Equal("1 x", email.SafeDescription);
    }

    [Fact]
    public async Task Without_anything_that_knows_HTML_there_is_none()
    {
        await using EmbeddedCrm crm = await OpenAsync(null);

        Assert.Null((await crm.GetEmailAsync(await AddAsync(crm, "text/html", "x"), default))!.SafeDescription);
    }

    private static ValueTask<EmbeddedCrm> OpenAsync(Func<string, string>? makeSafe) => EmbeddedCrm.OpenAsync(new EmbeddedCrmOptions { MakeSafe = makeSafe }, default);

    private static async Task<Guid> AddAsync(EmbeddedCrm crm, string type, string description)
    {
        var user = new CrmRecord("systemuser", Guid.Empty, new Dictionary<string, object?> { ["fullname"] = "Anna", ["internalemailaddress"] = "anna@example.test" });
        RecordReference from = (await crm.CreateRecordAsync(user, default)).ToReference();
        return await crm.CreateDraftAsync(new EmailDraft { From = from, To = ["x@example.test"], Description = description, MimeType = type }, default);
    }
}
