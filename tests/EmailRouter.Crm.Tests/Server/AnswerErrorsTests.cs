using System.Text;
using EmailRouter.Crm.Server;

namespace EmailRouter.Crm.Tests.Server;

public sealed class AnswerErrorsTests
{
    [Theory]
    [InlineData(403, "0x80040220", "Principal user (Id=1, type=8) is missing prvCreateEmail privilege (Id=2)", "CrmPrivilegeMissing", false, false)]
    [InlineData(403, "0x80040225", "The specified user(Id = 1) is disabled. Consider enabling this user.", "CrmUserDisabled", false, false)]
    [InlineData(403, "0x80072560", "The user is not a member of the organization.", "CrmUserUnknown", false, false)]
    [InlineData(400, "0x80040265", "Tickets are closed on Sundays", "CrmPluginRefused", false, true)]
    [InlineData(400, "-2147220891", "An error from a plug-in", "CrmPluginRefused", false, true)]
    [InlineData(412, "0x80040237", "A record with matching key values already exists.", "CrmRecordExists", false, true)]
    [InlineData(412, "0x80040333", "A record was not created or updated because a duplicate of the current record already exists.", "CrmRecordExists", false, true)]
    [InlineData(404, "0x80040217", "queue With Id = 1 Does Not Exist", "CrmRecordMissing", false, true)]
    [InlineData(400, "0x80044331", "The length of the 'subject' attribute of the 'email' entity exceeded the maximum allowed length of '800'.", "CrmValueTooLong", false, true)]
    [InlineData(400, "0x80040203", "The required field 'new_region' is missing", "CrmColumnRequired", false, true)]
    [InlineData(400, "0x80044a02", "Attachment file size is too big.", "CrmAttachmentTooLarge", false, true)]
    [InlineData(413, "", "", "CrmAttachmentTooLarge", false, true)]
    [InlineData(429, "0x80072326", "Number of concurrent requests exceeded the limit of 52.", "CrmThrottled", true, false)]
    [InlineData(400, "0x80072321", "Combined execution time exceeded", "CrmThrottled", true, false)]
    [InlineData(503, "", "", "CrmUnavailable", true, false)]
    [InlineData(403, "0x80040000", "The organization is in read-only mode", "CrmOrganizationReadOnly", true, false)]
    [InlineData(500, "0x80040216", "An unexpected error occurred.", "CrmServerFailed", true, false)]
    [InlineData(404, "0x8006088a", "Resource not found for the segment 'emails2'.", "CrmNotFound", false, false)]
    [InlineData(501, "", "", "CrmNotSupported", false, false)]
    [InlineData(418, "", "", "CrmRequestRefused", false, true)]
    public void An_error_is_told_in_words(int status, string code, string message, string id, bool transient, bool record)
    {
        var answer = new CrmAnswer { Status = status, Body = code.Length == 0 ? default : Encoding.UTF8.GetBytes($$"""{"error":{"code":"{{code}}","message":"{{message}}"} }""") };

        CrmException error = AnswerErrors.Explain(answer, "an email", "contoso");

        Assert.Equal((id, transient, record), (error.ErrorId, error.IsTransient, error.IsAboutRecord));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(error.Remedy);
    }

    [Fact]
    public void The_missing_privilege_and_the_required_column_are_named()
    {
        static CrmException Of(string message) => AnswerErrors.Explain(
            new CrmAnswer { Status = 400, Body = Encoding.UTF8.GetBytes($$"""{"error":{"code":"0x80040203","message":"{{message}}"} }""") }, "an email", "contoso");

        Assert.Contains("prvAppendToEmail", Of("is missing prvAppendToEmail privilege").Remedy, StringComparison.Ordinal);
        Assert.Contains("'new_region'", Of("Attribute 'new_region' cannot be null").Remedy, StringComparison.Ordinal);
    }
}
