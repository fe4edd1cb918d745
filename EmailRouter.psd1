@{
    RootModule           = 'EmailRouter.PowerShell.dll'
    NestedModules        = @('EmailRouter.Loader.dll')
    ModuleVersion        = '0.1.0'
    GUID                 = '5d0f7a5c-3f0e-4a57-9b7c-0f6f0b6c8e21'
    Author               = 'The EmailRouter authors'
    Copyright            = 'Copyright (c) The EmailRouter authors. MIT licence.'
    Description          = 'Routes email between mail servers and CRM: polls mailboxes into email activities, sends pending email activities, and says of every message what was done and why.'
    PowerShellVersion    = '7.4'
    CompatiblePSEditions = @('Core')
    FormatsToProcess     = @('EmailRouter.Format.ps1xml')
    FunctionsToExport    = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    CmdletsToExport      = @(
        'Get-RouterDeployment'
        'Get-RouterProfile'
        'New-RouterDeployment'
        'New-RouterProfile'
        'Remove-RouterDeployment'
        'Remove-RouterProfile'
        'Set-RouterDeployment'
        'Set-RouterProfile'
    )
    PrivateData          = @{
        PSData = @{
            Tags         = @('Email', 'Mail', 'CRM', 'Dynamics365', 'Dataverse', 'POP3', 'SMTP', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'See CHANGELOG.md.'
        }
    }
}
